/* What cppcheck is told before each file: jansson's loops, of whose header it knows nothing. */
#define json_object_foreach(object, key, value)                                                    \
    for (key = json_object_iter_key(object); (value = object);)
#define json_array_foreach(array, index, value) for (index = 0; (value = array); index++)
