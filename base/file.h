/*
 * Files: what the system's calls leave to a loop, and what makes a new file survive a power
 * failure: its bytes, and its name in its folder too.
 *
 * Says nothing: after CS_ERR_IO errno has the reason, for whoever knows what the file is.
 * Thread rule: pure, but for the files.
 */
#ifndef CS_BASE_FILE_H
#define CS_BASE_FILE_H

#include "base/bytes.h"
#include "base/err.h"

/* Writes all of it. CS_ERR_IO. */
CS_MUST_CHECK enum cs_err cs_file_write(int fd, struct cs_slice bytes);
/*
 * Appends what there is, up to the end. CS_ERR_TOO_LARGE: more than `out` may hold, which is then
 * full; CS_ERR_NOMEM; CS_ERR_IO.
 */
CS_MUST_CHECK enum cs_err cs_file_read(int fd, struct cs_buf *out);
/* The folder that holds what a path names, and the name in it, borrowed from the path. CS_ERR_IO.
 */
CS_MUST_CHECK enum cs_err cs_file_open_folder(const char *path, int *folder, const char **name);
/* Makes a file durable that was made at that path and written through `fd`. CS_ERR_IO. */
CS_MUST_CHECK enum cs_err cs_file_sync_new(int fd, const char *path);

#endif
