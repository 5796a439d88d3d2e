#include "cli/input.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "base/secret/secret.h"
#include "cli/output.h"

#define CTRL_C 3

/* The terminal that a person sits at, with the settings to put back. */
struct terminal {
    int fd;
    struct termios before;
};

enum echo { ECHO_SHOWN, ECHO_HIDDEN };

/*
 * Without echo, signals from the keyboard are off as well, so that a Ctrl-C can not leave the
 * terminal mute: it ends the line like Enter, and is told by its last character.
 */
static enum cs_err terminal_open(struct terminal *terminal, enum echo echo)
{
    terminal->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal->fd < 0)
        return CS_ERR_IO;
    if (tcgetattr(terminal->fd, &terminal->before) != 0)
        goto fail;
    struct termios now = terminal->before;
    if (echo == ECHO_HIDDEN)
        now.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    now.c_lflag |= ICANON | ECHONL;
    now.c_cc[VEOL] = CTRL_C;
    if (echo == ECHO_HIDDEN && tcsetattr(terminal->fd, TCSAFLUSH, &now) != 0)
        goto fail;
    return CS_OK;
fail:
    close(terminal->fd);
    return CS_ERR_IO;
}

static void terminal_close(struct terminal *terminal)
{
    (void)tcsetattr(terminal->fd, TCSADRAIN, &terminal->before);
    close(terminal->fd);
}

static void put_prompt(int fd, const char *what, const char *end)
{
    (void)!dprintf(fd, "%s%s", what, end);
}

/*
 * One line, byte by byte: what follows it on the same stdin is for the next reader. The line end is
 * left out. CS_ERR_GONE: ended by Ctrl-C, or by the end of input before the first byte.
 */
static enum cs_err read_line(int fd, uint8_t *line, size_t size, size_t *len)
{
    *len = 0;
    for (;;) {
        uint8_t byte;
        ssize_t got = read(fd, &byte, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return CS_ERR_IO;
        if (got == 0 && *len == 0)
            return CS_ERR_GONE;
        if (got == 0 || byte == '\n')
            break;
        if (byte == CTRL_C)
            return CS_ERR_GONE;
        if (*len == size)
            return CS_ERR_TOO_LARGE;
        line[(*len)++] = byte;
    }
    if (*len > 0 && line[*len - 1] == '\r')
        line[--*len] = '\0';
    return CS_OK;
}

static enum cs_err read_terminal(const char *what, enum echo echo, uint8_t *line, size_t size,
                                 size_t *len)
{
    struct terminal terminal;
    enum cs_err err = terminal_open(&terminal, echo);
    if (err != CS_OK)
        return err;
    put_prompt(terminal.fd, what, ": ");
    err = read_line(terminal.fd, line, size, len);
    terminal_close(&terminal);
    return err;
}

static enum cs_err read_file(const char *path, uint8_t *line, size_t size, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT ? CS_ERR_NOT_FOUND : CS_ERR_IO;
    enum cs_err err = read_line(fd, line, size, len);
    close(fd);
    return err;
}

static enum cs_err read_source(const struct cs_input *input, uint8_t *line, size_t size,
                               size_t *len)
{
    if (input->path != NULL && strcmp(input->path, "-") != 0)
        return read_file(input->path, line, size, len);
    if (input->path == NULL && cs_input_interactive())
        return read_terminal(input->what, ECHO_HIDDEN, line, size, len);
    return read_line(STDIN_FILENO, line, size, len);
}

static bool has_form(enum cs_input_form form, const uint8_t *line, size_t len)
{
    if (form == CS_INPUT_PASSPHRASE)
        return cs_utf8_is_text((const char *)line, len);
    for (size_t i = 0; i < len; i++)
        if (line[i] <= ' ' || line[i] >= 0x7F)
            return false;
    return true;
}

static enum cs_err complain(const char *what, enum cs_err err)
{
    static const char *const reasons[CS_ERR_COUNT] = {
        [CS_ERR_INVALID] = "it is empty, or has characters that can not be in one",
        [CS_ERR_TOO_LARGE] = "it is too long",
        [CS_ERR_NOT_FOUND] = "there is no such file",
        [CS_ERR_GONE] = "nothing was entered",
        [CS_ERR_NOMEM] = "there is no memory for secrets left",
    };
    const char *why = err == CS_ERR_IO ? strerror(errno) : reasons[err];
    cs_output_say("cannot read the %c%s: %s", tolower((unsigned char)what[0]), what + 1, why);
    return err == CS_ERR_NOT_FOUND || err == CS_ERR_GONE ? CS_ERR_INVALID : err;
}

enum cs_err cs_input_secret(const struct cs_input *input, struct cs_secret **out)
{
    struct cs_secret *line = NULL;
    size_t len = 0;
    *out = NULL;
    enum cs_err err = cs_secret_new(CS_SECRET_MAX, &line);
    if (err == CS_OK)
        err = read_source(input, line->bytes, CS_SECRET_MAX, &len);
    if (err == CS_OK && (len == 0 || !has_form(input->form, line->bytes, len)))
        err = CS_ERR_INVALID;
    if (err == CS_OK)
        err = cs_secret_from(line->bytes, len, out);
    if (err != CS_OK)
        err = complain(input->what, err);
    cs_secret_free(&line);
    return err;
}

enum cs_err cs_input_line(const char *what, char *out, size_t size)
{
    size_t len = 0;
    uint8_t *line = (uint8_t *)out;
    enum cs_err err = cs_input_interactive() ? read_terminal(what, ECHO_SHOWN, line, size - 1, &len)
                                             : read_line(STDIN_FILENO, line, size - 1, &len);
    if (err == CS_OK && (len == 0 || !cs_utf8_is_text(out, len)))
        err = CS_ERR_INVALID;
    out[err == CS_OK ? len : 0] = '\0';
    return err == CS_OK ? CS_OK : complain(what, err);
}

bool cs_input_interactive(void)
{
    return isatty(STDIN_FILENO) == 1;
}

bool cs_input_confirm(const char *question)
{
    char answer[16];
    size_t len = 0;
    struct terminal terminal;
    if (terminal_open(&terminal, ECHO_SHOWN) != CS_OK)
        return false;
    put_prompt(terminal.fd, question, " [y/N] ");
    enum cs_err err = read_line(terminal.fd, (uint8_t *)answer, sizeof(answer) - 1, &len);
    terminal_close(&terminal);
    answer[err == CS_OK ? len : 0] = '\0';
    return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}
