# Countersign. `make help` lists the targets; everything is built under $(B).
B       ?= build
CC      ?= gcc
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0

LAYERS  := base vault policy workflow server cli
LIBS    := lmdb libsodium libmicrohttpd jansson yaml-0.1 libcbor zlib libcurl
PKG     := $(shell pkg-config --cflags $(filter-out lmdb,$(LIBS)) 2>/dev/null)
LDLIBS  := $(shell pkg-config --libs $(LIBS) 2>/dev/null) -lpthread

WARN    := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
WERROR  ?= -Werror
OPT     ?= -O2 -g -D_FORTIFY_SOURCE=2
HARDEN  := -fstack-protector-strong -fPIE
CFLAGS  := -std=c11 -D_GNU_SOURCE -I. -DCS_VERSION='"$(VERSION)"' $(WARN) $(WERROR) $(OPT) $(HARDEN) $(SAN) $(PKG)
LDFLAGS := -pie -Wl,-z,relro,-z,now $(SAN)

SRC     := $(foreach layer,$(LAYERS),$(wildcard $(layer)/*.c $(layer)/*/*.c))
OBJ     := $(SRC:%.c=$(B)/%.o)
LIBOBJ  := $(filter-out $(B)/cli/main.o,$(OBJ))

all: $(B)/countersign

$(B)/countersign: $(OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/libcountersign.a: $(LIBOBJ)
	rm -f $@ && ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# Unit tests: one program for each tests/unit/test_<module>.c, under ASan and UBSan.
UNIT    := $(patsubst tests/unit/test_%.c,%,$(wildcard tests/unit/test_*.c))
ASAN    := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

unit: $(UNIT:%=unit-%)
unit-%:
	@$(MAKE) --no-print-directory B=$(B)/asan SAN="$(ASAN)" OPT="-O1 -g" $(B)/asan/tests/unit/test_$*
	$(B)/asan/tests/unit/test_$*

$(B)/tests/unit/test_%: $(B)/tests/unit/test_%.o $(B)/libcountersign.a
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)

clean:
	rm -rf $(B)

.PHONY: all unit clean
.SECONDARY:
-include $(OBJ:.o=.d) $(wildcard $(B)/tests/*/*.d)
