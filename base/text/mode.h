/*
 * The two modes that everything issued lives in. Thread rule: constants.
 */
#ifndef CS_BASE_TEXT_MODE_H
#define CS_BASE_TEXT_MODE_H

enum cs_mode { CS_MODE_TEST, CS_MODE_LIVE, CS_MODE_COUNT };

/* "test", "live", NULL: indexed by the mode, and a name table for records (base/record/record.h).
 */
extern const char *const cs_mode_names[CS_MODE_COUNT + 1];

#endif
