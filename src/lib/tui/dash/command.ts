import type { Action } from './ui.js'

/** What a key wants done outside of the view. */
export type Command =
  | { readonly type: 'quit' }
  | { readonly type: 'suspend' }
  | { readonly type: 'repaint' }
  | { readonly type: 'refresh' }
  /** `names: null`: all of the configuration; only for reload, and for start where no daemon runs. */
  | { readonly type: 'act'; readonly action: Action; readonly names: readonly string[] | null }
