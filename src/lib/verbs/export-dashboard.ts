import { PANELS, type Panel } from './export-panels.js'

/** Grafana's grid is so wide; boxes stand beside each other until it is full. */
const COLUMNS = 24
/** The form of this document that Grafana 10 wrote; newer ones read it and bring it up to date. */
const SCHEMA = 39
const SOURCE = { type: 'prometheus', uid: '${datasource}' }
const COLOURS = { good: 'green', bad: 'red', usual: 'blue' }

interface Place {
  readonly x: number
  readonly y: number
  readonly w: number
  readonly h: number
}

/** The dashboard as Grafana imports it (docs: dashboards, JSON model); the source of data and the servers are chosen at its top. */
export function writeDashboard(): string {
  return `${JSON.stringify({
    uid: 'mcpctl', title: 'mcpctl: MCP servers', tags: ['mcp', 'mcpctl'], schemaVersion: SCHEMA, version: 1, editable: true,
    refresh: '30s', time: { from: 'now-1h', to: 'now' }, timezone: 'browser', graphTooltip: 1,
    templating: { list: [chooseSource(), chooseValue('instance', 'mcpctl_build_info'), chooseValue('server', 'mcpctl_server_ready{instance=~"$instance"}')] },
    annotations: { list: [] }, links: [],
    panels: layOut(PANELS).map(([panel, place], at) => ({ id: at + 1, gridPos: place, ...describePanel(panel) })),
  }, null, 2)}\n`
}

function chooseSource(): Record<string, unknown> {
  return { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus', refresh: 1, hide: 0, options: [], current: {} }
}

function chooseValue(name: string, from: string): Record<string, unknown> {
  const query = `label_values(${from}, ${name})`
  return {
    name, label: name, type: 'query', datasource: SOURCE, definition: query, query: { query, refId: name },
    refresh: 2, sort: 1, hide: 0, multi: true, includeAll: true, allValue: '.*', options: [], current: { text: ['All'], value: ['$__all'] },
  }
}

function layOut(panels: readonly Panel[]): (readonly [Panel, Place])[] {
  let x = 0
  let y = 0
  let rowHeight = 0
  return panels.map((panel) => {
    const { w, h } = sizeOf(panel)
    if (x + w > COLUMNS) {
      x = 0
      y += rowHeight
      rowHeight = 0
    }
    const place = { x, y, w, h }
    x += w
    rowHeight = Math.max(rowHeight, h)
    return [panel, place] as const
  })
}

function sizeOf({ kind }: Panel): { readonly w: number; readonly h: number } {
  switch (kind) {
    case 'row': return { w: COLUMNS, h: 1 }
    case 'stat': return { w: 3, h: 4 }
    case 'states': return { w: COLUMNS, h: 7 }
    case 'lines': return { w: 8, h: 8 }
    case 'bars': return { w: 12, h: 8 }
  }
}

function describePanel(panel: Panel): Record<string, unknown> {
  const common = { title: panel.title, datasource: SOURCE }
  switch (panel.kind) {
    case 'row':
      return { type: 'row', title: panel.title, collapsed: false, panels: [] }
    case 'stat':
      return {
        ...common, type: 'stat', ...describeAbout(panel.about), targets: [describeQuery(panel.expr, '', 'A', true)],
        fieldConfig: fields(panel.unit, { color: { mode: 'thresholds' }, thresholds: thresholds(panel.warnAbove) }),
        options: { colorMode: 'value', graphMode: 'area', textMode: 'value', justifyMode: 'auto', reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false } },
      }
    case 'states':
      return {
        ...common, type: 'state-timeline', targets: [describeQuery(panel.expr, '{{server}}', 'A', false)],
        fieldConfig: fields('none', {
          color: { mode: 'thresholds' }, thresholds: { mode: 'absolute', steps: [{ color: COLOURS.bad, value: null }, { color: COLOURS.good, value: 1 }] },
          mappings: [{ type: 'value', options: { 0: { text: 'not ready', index: 0 }, 1: { text: 'ready', index: 1 } } }],
        }),
        options: { mergeValues: true, showValue: 'never', rowHeight: 0.8, legend: { showLegend: false, displayMode: 'list', placement: 'bottom' } },
      }
    case 'lines':
      return {
        ...common, type: 'timeseries', ...describeAbout(panel.about), targets: panel.queries.map(({ expr, legend }, at) => describeQuery(expr, legend, String.fromCharCode(65 + at), false)),
        fieldConfig: fields(panel.unit, { color: { mode: 'palette-classic' }, min: 0, custom: { drawStyle: 'line', lineWidth: 1, fillOpacity: 10, showPoints: 'never', spanNulls: false } }),
        options: { legend: { displayMode: 'list', placement: 'bottom', showLegend: true }, tooltip: { mode: 'multi', sort: 'desc' } },
      }
    case 'bars':
      return {
        ...common, type: 'bargauge', targets: [describeQuery(panel.expr, panel.legend, 'A', true)],
        fieldConfig: fields(panel.unit, { color: { mode: 'continuous-BlPu' }, min: 0 }),
        options: { orientation: 'horizontal', displayMode: 'gradient', reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false } },
      }
  }
}

function describeQuery(expr: string, legendFormat: string, refId: string, instant: boolean): Record<string, unknown> {
  return { refId, datasource: SOURCE, expr, legendFormat, instant, range: !instant, editorMode: 'code' }
}

function describeAbout(about: string | undefined): Record<string, string> {
  return about === undefined ? {} : { description: about }
}

function fields(unit: string, defaults: Record<string, unknown>): Record<string, unknown> {
  return { defaults: { unit, ...defaults }, overrides: [] }
}

function thresholds(warnAbove: number | undefined): Record<string, unknown> {
  if (warnAbove === undefined) return { mode: 'absolute', steps: [{ color: COLOURS.usual, value: null }] }
  // Grafana colours from a value on, not above it.
  return { mode: 'absolute', steps: [{ color: COLOURS.good, value: null }, { color: COLOURS.bad, value: warnAbove + 1 }] }
}
