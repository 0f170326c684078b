const { measure } = await import(`./rows/${process.argv[2]}.js`);
console.log(await measure()); console.log(process.uptime());
