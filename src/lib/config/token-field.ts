import { isToken } from './address.js'
import { filledText, type Kind } from './kind.js'
import { OR_REFERENCE, textOf } from './schema-part.js'

/** What a header can carry as a token. What is wrong with one is said without it. */
export const secretText: Kind<string> = {
  ...filledText,
  accepts: 'a text of visible ASCII characters without spaces',
  schema: textOf(`^[!-~]{1,4096}$${OR_REFERENCE}`),
  read: (value, spot) => {
    const read = filledText.read(value, spot)
    if (read === undefined || isToken(read)) return read
    spot.problem('holds characters that no HTTP header can carry as a token', 'Use letters, digits and punctuation without spaces, for example from: openssl rand -hex 32')
    return undefined
  },
}
