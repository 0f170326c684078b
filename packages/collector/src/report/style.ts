/** The report's style sheet: ink on paper, no colour that carries meaning alone, nothing fetched. */
export const STYLE = `
@page { size: A4; margin: 18mm 15mm 17mm;
  @bottom-left { content: "agent-custody · record of AI agent sessions"; font: 7.5pt Georgia, serif; color: #666 }
  @bottom-right { content: counter(page) " / " counter(pages); font: 7.5pt Georgia, serif; color: #666 } }
* { box-sizing: border-box }
html { font: 9.5pt/1.42 Georgia, "Times New Roman", serif; color: #1a1a1a; background: #fff; -webkit-print-color-adjust: exact; print-color-adjust: exact }
body { max-width: 180mm; margin: 12mm auto; padding: 0 4mm }
h1 { font-size: 20pt; font-weight: normal; margin: 0 0 1mm; letter-spacing: -.01em }
h2 { font-size: 13pt; font-weight: normal; margin: 9mm 0 2mm; padding-bottom: 1mm; border-bottom: .6pt solid #1a1a1a; break-after: avoid }
h3 { font-size: 10pt; margin: 5mm 0 1.5mm; break-after: avoid }
h2 .no { display: inline-block; min-width: 8mm; color: #666 }
p { margin: 0 0 2mm; max-width: 150mm }
ul { margin: 0 0 2mm; padding-left: 5mm } li { margin-bottom: .8mm }
a { color: #123c69; text-decoration: none; border-bottom: .4pt solid #9db4c9 }
code { font: 7.2pt/1.35 "DejaVu Sans Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere }
.sub { color: #555; font-size: 9pt }
.note { color: #555; font-size: 8.5pt }
header { border-bottom: 1.6pt solid #1a1a1a; padding-bottom: 4mm; margin-bottom: 5mm }
dl.facts { display: grid; grid-template-columns: 32mm 1fr; gap: .8mm 4mm; margin: 4mm 0 0; font-size: 9pt }
dl.facts dt { color: #555 } dl.facts dd { margin: 0; overflow-wrap: anywhere }
.figures { display: grid; grid-template-columns: repeat(5, 1fr); border: .6pt solid #999; margin: 4mm 0 }
.figures div { padding: 2.4mm 3mm; border-left: .4pt solid #ccc } .figures div:first-child { border-left: 0 }
.figures b { display: block; font-size: 16pt; font-weight: normal; line-height: 1.15; font-variant-numeric: tabular-nums }
.figures span { font-size: 8pt; color: #555 }
.conclusion { border-left: 2.4pt solid #1a1a1a; padding: .6mm 0 .6mm 4mm; margin: 3mm 0 4mm; break-inside: avoid }
.conclusion.reserved { border-left-color: #a4471b } .conclusion strong { font-size: 11pt; font-weight: normal }
.columns { display: grid; grid-template-columns: 1fr 1fr; gap: 8mm } .columns h3 { margin-top: 2mm }
table { width: 100%; border-collapse: collapse; margin: 1.5mm 0 3mm; font: 7.9pt/1.35 "Helvetica Neue", Arial, "Liberation Sans", sans-serif }
thead { display: table-header-group } tr { break-inside: avoid }
th { text-align: left; font-weight: 600; font-size: 7.6pt; color: #333; border-bottom: .8pt solid #555; padding: 1mm 2mm 1mm 0; vertical-align: bottom }
td { border-bottom: .3pt solid #ccc; padding: 1.1mm 2mm 1.1mm 0; vertical-align: top; overflow-wrap: break-word }
.long { overflow-wrap: anywhere } .pair { white-space: nowrap }
th:last-child, td:last-child { padding-right: 0 }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap } td.t { min-width: 17mm; font-variant-numeric: tabular-nums }
tr.group td { border-bottom: .6pt solid #777; font-weight: 600; padding-top: 3mm; break-after: avoid }
.tag { display: inline-block; border: .5pt solid #888; border-radius: 1.2mm; padding: 0 1.3mm; font-size: 7.4pt; line-height: 1.5; white-space: nowrap }
.tag.bad { border-color: #9c2f12; color: #9c2f12; font-weight: 600 } .tag.warn { border-color: #94651a; color: #7d5210 } .tag.good { border-color: #2f6b45; color: #245737 }
.healed td { color: #777 }
.none { color: #555; font-style: italic; margin: 1mm 0 3mm }
.wide { break-before: page }
@media print { html { font-size: 9pt } body { max-width: none; margin: 0; padding: 0 } a { border-bottom: 0 } .first { break-after: page } }
`;
