// Draws a terminal's content as SVG.   tmux capture-pane -e -p | node scripts/picture.mjs > docs/images/dash.svg
import fs from 'node:fs'
import stringWidth from 'string-width'

const CELL = { width: 8.43, height: 18 }
const EDGE = 14
const COLOURS = { 30: '#484f58', 31: '#ff7b72', 32: '#7ee787', 33: '#e3b341', 34: '#79c0ff', 35: '#d2a8ff', 36: '#56d4dd', 37: '#c9d1d9', 90: '#6e7681' }
const TEXT = '#c9d1d9'
const GROUND = '#0d1117'
const escape = (text) => text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign])

/** Runs of equal style: what SGR sequences leave when they are applied. */
function* runsOf(line) {
  let style = {}
  // eslint-disable-next-line no-control-regex
  for (const [, codes, text] of line.matchAll(/\u001B\[([\d;]*)m|([^\u001B]+)/g)) {
    if (text !== undefined) yield { text, ...style }
    for (const code of codes === undefined ? [] : codes.split(';').map(Number)) {
      if (code === 0) style = {}
      else if (code === 1) style = { ...style, bold: true }
      else if (code === 2) style = { ...style, dim: true }
      else if (code === 7) style = { ...style, reverse: true }
      else if (code === 22) style = { ...style, bold: false, dim: false }
      else if (code === 27) style = { ...style, reverse: false }
      else if (code === 39) style = { ...style, colour: undefined }
      else if (COLOURS[code] ?? COLOURS[code - 60]) style = { ...style, colour: COLOURS[code] ?? COLOURS[code - 60] }
    }
  }
}

function drawLine(line, row) {
  let column = 0
  let out = ''
  const y = EDGE + row * CELL.height
  for (const { text, colour = TEXT, bold, dim, reverse } of runsOf(line)) {
    const width = stringWidth(text)
    const x = EDGE + column * CELL.width
    column += width
    if (reverse) out += `<rect x="${x.toFixed(1)}" y="${y}" width="${(width * CELL.width).toFixed(1)}" height="${CELL.height}" fill="${colour}"/>`
    if (text.trim() === '') continue
    const style = `${bold ? ' font-weight="bold"' : ''}${dim ? ' opacity="0.6"' : ''}`
    // The length is given, so that glyphs of another font do not shift the columns.
    out += `<text x="${x.toFixed(1)}" y="${(y + CELL.height * 0.75).toFixed(1)}" textLength="${(width * CELL.width).toFixed(1)}" lengthAdjust="spacingAndGlyphs" fill="${reverse ? GROUND : colour}"${style} xml:space="preserve">${escape(text)}</text>`
  }
  return out
}

const lines = fs.readFileSync(0, 'utf8').replace(/\n+$/, '').split('\n')
// eslint-disable-next-line no-control-regex
const columns = Math.max(...lines.map((line) => stringWidth(line.replace(/\u001B\[[\d;]*m/g, ''))))
const [width, height] = [Math.ceil(columns * CELL.width + 2 * EDGE), lines.length * CELL.height + 2 * EDGE]
console.log(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14">
<rect width="${width}" height="${height}" rx="8" fill="${GROUND}"/>
${lines.map(drawLine).filter(Boolean).join('\n')}
</svg>`)
