// Makes one measurement for the process that started this one, and ends with it.
process.channel?.ref();
const { measure } = await import(`./rows/${process.argv[2]}.js`);
process.send?.(await measure());
