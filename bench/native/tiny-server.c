/* The least an MCP server can be (legacy era, stdio): answers initialize, ping and tools/list, and the rest with an error. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char buffer[1 << 16];

static void say(const char *text, int length)
{
    while (length > 0) {
        ssize_t written = write(1, text, length);
        if (written <= 0) _exit(1);
        text += written;
        length -= written;
    }
}

/* The id as it was written, a number or a text; 0 when there is none. */
static int find_id(const char *line, char *id, int room)
{
    const char *at = strstr(line, "\"id\":");
    int length = 0;
    if (at == NULL) return 0;
    for (at += 5; *at == ' '; at++);
    if (*at == '"') {
        const char *end = strchr(at + 1, '"');
        length = end == NULL ? 0 : (int)(end - at) + 1;
    } else {
        length = strspn(at, "0123456789");
    }
    if (length == 0 || length >= room) return 0;
    memcpy(id, at, length);
    id[length] = 0;
    return 1;
}

static void answer(const char *line)
{
    char id[64], text[512];
    const char *rest = "\"error\":{\"code\":-32601,\"message\":\"Method not found\"}";
    if (!find_id(line, id, sizeof id)) return;
    if (strstr(line, "\"method\":\"ping\"")) rest = "\"result\":{}";
    else if (strstr(line, "\"method\":\"tools/list\"")) rest = "\"result\":{\"tools\":[{\"name\":\"none\",\"inputSchema\":{\"type\":\"object\"}}]}";
    else if (strstr(line, "\"method\":\"initialize\""))
        rest = "\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"tiny\",\"version\":\"1\"}}";
    say(text, snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":%s,%s}\n", id, rest));
}

int main(void)
{
    size_t held = 0;
    for (;;) {
        ssize_t got = read(0, buffer + held, sizeof buffer - 1 - held);
        char *line = buffer, *end;
        if (got <= 0) return 0;
        held += got;
        buffer[held] = 0;
        while ((end = strchr(line, '\n')) != NULL) {
            *end = 0;
            answer(line);
            line = end + 1;
        }
        held -= line - buffer;
        memmove(buffer, line, held);
        if (held == sizeof buffer - 1) return 1;
    }
}
