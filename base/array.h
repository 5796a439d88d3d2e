/*
 * Arrays: how many members one has. Thread rule: pure.
 */
#ifndef CS_BASE_ARRAY_H
#define CS_BASE_ARRAY_H

/* Of an array itself, not of a pointer to its members. */
#define CS_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
