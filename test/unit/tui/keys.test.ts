import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyParser } from '../../../src/lib/tui/term/keys.js'

function keysOf(...chunks: string[]): string[] {
  const parser = new KeyParser()
  return chunks.flatMap((chunk) => parser.push(Buffer.from(chunk)))
}

describe('keys', () => {
  it('are named alike whatever way a terminal sends them', () => {
    expect(keysOf('\u001b[A', '\u001bOA', '\u001b[1;5A')).toEqual(['up', 'up', 'up'])
    expect(keysOf('\u001b[5~\u001b[6~\u001b[H\u001b[4~\u001b[Z')).toEqual(['pageup', 'pagedown', 'home', 'end', 'backtab'])
    expect(keysOf('\r', '\t', '\u007f', '\u0003', '\u001a')).toEqual(['enter', 'tab', 'backspace', 'ctrl-c', 'ctrl-z'])
    expect(keysOf('\u001bx')).toEqual(['alt-x'])
  })

  it('may come in any pieces', () => {
    const bytes = Buffer.from('j\u001b[A日\u001b[5~q')
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 5 }), (cuts) => {
      const parser = new KeyParser()
      const places = [0, ...[...cuts].sort((a, b) => a - b), bytes.length]
      const keys = places.slice(1).flatMap((end, at) => parser.push(bytes.subarray(places[at], end)))
      expect(keys).toEqual(['j', 'up', '日', 'pageup', 'q'])
    }))
  })

  it('tell a lone escape from the beginning of a sequence once nothing followed', () => {
    const parser = new KeyParser()
    expect(parser.push(Buffer.from('\u001b'))).toEqual([])
    expect(parser.isHolding).toBe(true)
    expect(parser.flush()).toEqual(['escape'])
    expect(parser.isHolding).toBe(false)
    expect(parser.push(Buffer.from('\u001b\u001b'))).toEqual(['escape'])
  })

  it('are not the letters of a pasted text, wherever its end mark is cut', () => {
    expect(keysOf('a\u001b[200~sq\rs\u001b[20', '1~b')).toEqual(['a', 'b'])
    const parser = new KeyParser()
    parser.push(Buffer.from('\u001b[200~s'))
    expect(parser.isPasting).toBe(true)
    expect(parser.flush()).toEqual([])
    expect(parser.push(Buffer.from('q'))).toEqual(['q'])
  })

  it('never come out of noise as anything but a name, and noise never holds them up for ever', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const parser = new KeyParser()
      const keys = [...parser.push(Buffer.from(bytes)), ...parser.flush()]
      // eslint-disable-next-line no-control-regex
      for (const key of keys) expect(key).not.toMatch(/[\u0000-\u001f\u007f]/)
      expect(parser.isHolding).toBe(false)
      expect(parser.push(Buffer.from('qq')).at(-1)).toBe('q')
    }))
  })
})
