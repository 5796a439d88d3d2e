/*
 * The store's files as the operating system sees them: folder, process lock, and the data file's
 * size against what its own header claims.
 *
 * A mapped file that is shorter than its pages kills the process by SIGBUS at some later read, so
 * the header is read and checked with plain reads before anything is mapped, and the file is kept
 * longer than its last page so that the check never refuses a sound one.
 *
 * Thread rule: pure but for the files. cs_store_file_check before the engine opens the data file,
 * never after: opening and closing it a second time would drop the engine's locks.
 */
#ifndef CS_VAULT_STORE_STORE_FILE_H
#define CS_VAULT_STORE_STORE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CS_STORE_DATA_NAME "data.mdb"
#define CS_STORE_LOCK_NAME "store.lock"

/*
 * Opens the folder and takes its lock for as long as the process (or *lock_fd) lives.
 * CS_ERR_NOT_FOUND: no such folder; CS_ERR_INVALID: others may enter it (mode is not 0700);
 * CS_ERR_CONFLICT: somebody holds the lock, and has for a second; CS_ERR_IO.
 */
CS_MUST_CHECK enum cs_err cs_store_file_lock(const char *path, int *lock_fd);
/*
 * The data file of a folder. CS_ERR_NOT_FOUND: there is none; CS_ERR_CORRUPT: no valid header, or
 * shorter than its header says; CS_ERR_IO.
 */
CS_MUST_CHECK enum cs_err cs_store_file_check(const char *path);
/*
 * Removes a data file that is too short for its two header pages, and so holds nothing: what is
 * left of a creation that was killed as it began. CS_ERR_CORRUPT: it is longer, and left alone;
 * CS_ERR_IO.
 */
CS_MUST_CHECK enum cs_err cs_store_file_discard(const char *path);
/*
 * Sees to it that the file has room on disk for `want` bytes, up to `most`. CS_ERR_FULL: the disk
 * has none, and *have tells what there is; CS_ERR_IO. Never shortens.
 */
CS_MUST_CHECK enum cs_err cs_store_file_grow(int fd, uint64_t want, uint64_t most, uint64_t *have);
/* Makes a new name in the folder survive a power failure. */
CS_MUST_CHECK enum cs_err cs_store_file_sync_folder(const char *path);

#endif
