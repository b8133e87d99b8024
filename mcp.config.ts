import { defineConfig } from 'mcpctl'

// The four reference servers, from this project's own node_modules: nothing is fetched when they start.
export default defineConfig({
  servers: {
    files: { command: 'npx', args: ['-y', '@modelcontextprotocol/server-filesystem', '.'], tags: ['reference'] },
    memory: { command: 'npx', args: ['-y', '@modelcontextprotocol/server-memory'], tags: ['reference'] },
    everything: { command: 'npx', args: ['-y', '@modelcontextprotocol/server-everything'], tags: ['reference'] },
    thinking: { command: 'npx', args: ['-y', '@modelcontextprotocol/server-sequential-thinking'], tags: ['reference'] },
  },
  gateway: { port: 7420 },
  defaults: { startTimeout: '60s' },
})
