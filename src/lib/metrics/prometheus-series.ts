import { formatBound, labels, type Sample } from './prometheus-text.js'
import type { HistogramView, ServerView } from './prometheus-view.js'

export type Pair = readonly [name: string, value: string]

export function sample(value: number, ...pairs: readonly Pair[]): Sample {
  return { suffix: '', labels: labels(...pairs), value }
}

/** One figure of each server that has it. */
export function* eachServer(servers: readonly ServerView[], figure: (server: ServerView) => number | boolean | null): Generator<Sample> {
  for (const server of servers) {
    const value = figure(server)
    if (value !== null) yield sample(Number(value), ['server', server.name])
  }
}

/** The lines of one histogram; `pairs` are its labels besides `le`. */
export function* histogramLines({ boundsSeconds, cumulative, count, sumSeconds }: HistogramView, ...pairs: readonly Pair[]): Generator<Sample> {
  const common = labels(...pairs)
  const start = common === '' ? '' : `${common},`
  for (const [index, bound] of boundsSeconds.entries()) yield { suffix: '_bucket', labels: `${start}le="${formatBound(bound)}"`, value: cumulative[index] ?? count }
  yield { suffix: '_bucket', labels: `${start}le="+Inf"`, value: count }
  yield { suffix: '_sum', labels: common, value: sumSeconds }
  yield { suffix: '_count', labels: common, value: count }
}
