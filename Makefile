# medimnet: PostgreSQL extension, decoder helper and command.
#
#   make deps      install the missing Debian packages
#   make demo      see the whole of it work, on a private cluster
#   make test      all tests, on private clusters
#   make test-zoo  torchvision's networks against PyTorch in double precision
#   make fuzz      all fuzz targets, FUZZ_SECONDS each
#   make coverage  what of the parsers unit tests and fuzz corpus reach
#   make bench     the decoder's speed beside that of other decoders, and through SQL
#   make bench-nn    networks beside ONNX Runtime: images a second, memory; and in a server
#   make bench-conv  GFLOP/s of convolutions, layer by layer
#   make bench-batches  batches beside SELECT and PyTorch's DataLoader
#   make && make install && make installcheck    as for any extension

# The one list of Debian packages: to build, to test, and to measure against.
DEB_BUILD = postgresql-15 postgresql-server-dev-15 libpq-dev gcc make pkg-config libopenblas-dev \
	libpng-dev libjpeg62-turbo-dev libopenjp2-7-dev libjxl-dev zlib1g-dev libseccomp-dev nettle-dev libkrb5-dev
DEB_TEST = python3-pydicom python3-pil dcmtk libjxl-tools libipc-run-perl clang-14 libclang-rt-14-dev \
	openssl libonnx-testdata python3-onnx python3-numpy python3-psycopg python3-torch python3-torchvision \
	python3-imageio
DEB_ZOO = python3-torchvision python3-onnx
DEB_BENCH = g++ libcharls-dev libdcmtk-dev libturbojpeg0-dev libgdcm-dev libgdcm-tools

comma = ,

EXTENSION = medimnet
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" medimnet.control)
MODULE_big = medimnet

core_sources = $(wildcard src/core/*/*.c)
core_objects = $(core_sources:.c=.o)
core_lib = src/core/libmmn.a
decoder_objects = $(patsubst %.c,%.o,$(wildcard src/decoder/*.c))
cli_objects = $(patsubst %.c,%.o,$(wildcard src/cli/*.c))
programs = $(if $(decoder_objects),medimnet-decoder) $(if $(cli_objects),medimnet)

OBJS = $(patsubst %.c,%.o,$(wildcard src/pg/*.c))
DATA_built = sql/medimnet--$(EXTVERSION).sql
DATA = $(wildcard sql/medimnet--*--*.sql) $(wildcard model/medimnet-*.onnx)

BLAS_CPPFLAGS = $(shell pkg-config --cflags openblas 2>/dev/null)
BLAS_LIBS = $(or $(shell pkg-config --libs openblas 2>/dev/null),-lopenblas)
# GDCM, to measure against, has no pkg-config file
GDCM_CPPFLAGS ?= $(addprefix -I,$(lastword $(wildcard /usr/include/gdcm-3.*)))
GDCM_LIBS ?= -lgdcmMSFF -lgdcmDSED -lgdcmCommon
J2K_CPPFLAGS = $(patsubst -I%,-isystem %,$(shell pkg-config --cflags libopenjp2 2>/dev/null))
J2K_LIBS = $(or $(shell pkg-config --libs libopenjp2 2>/dev/null),-lopenjp2)
JXL_CPPFLAGS = $(patsubst -I%,-isystem %,$(shell pkg-config --cflags libjxl 2>/dev/null))
JXL_LIBS = $(or $(shell pkg-config --libs libjxl 2>/dev/null),-ljxl)

PG_CPPFLAGS = -Isrc/core -Isrc/pg $(BLAS_CPPFLAGS)
PG_CFLAGS = -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
# no BLAS: src/pg/blas.c loads it when it is needed
SHLIB_LINK = $(core_lib) -lpng -lnettle -lz -lm

REGRESS = $(sort $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --load-extension=medimnet

EXTRA_CLEAN = $(core_lib) $(core_objects) $(core_tables) $(decoder_objects) $(cli_objects) $(programs) build \
	$(wildcard src/*/*.d src/*/*/*.d) $(DATA_built)

PG_CONFIG ?= $(or $(wildcard /usr/lib/postgresql/15/bin/pg_config),pg_config)
# A goal that only installs packages must work before pg_config is there.
ifneq ($(filter-out deps deps-bench help,$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell $(PG_CONFIG) --version 2>/dev/null),)
PGXS := $(shell $(PG_CONFIG) --pgxs)
# JIT could only inline our thin bindings: not worth a second compilation of
# everything with clang.
override with_llvm = no
include $(PGXS)
endif
endif

CORE_CFLAGS = -std=gnu11 -O2 -g -fPIC -fvisibility=hidden -fno-math-errno -fstack-protector-strong \
	-Wall -Wextra -Wformat=2 -Wvla -Wmissing-prototypes -Wno-missing-field-initializers
CORE_CPPFLAGS = -Isrc/core $(BLAS_CPPFLAGS)
DEPFLAGS = -MMD -MP

# Tables of the standard's facts, made of the TSV files beside them.
core_tables = $(patsubst %.tsv,%.inc,$(wildcard src/core/*/*.tsv))

$(core_tables): %.inc: %.tsv src/core/dicom/table.awk
	awk -f src/core/dicom/table.awk $< > $@.new
	mv $@.new $@

$(core_objects): | $(core_tables)

$(core_objects): %.o: %.c
	$(CC) $(CORE_CFLAGS) $(OPTFLAGS) $(CORE_CPPFLAGS) $(DEPFLAGS) -c -o $@ $<

# Loops over samples, to be vectorised.  No fused multiply-add: the same input
# gives the same bits on every machine.
src/core/image/resize.o src/core/image/render.o src/core/stats/vector.o: \
	CORE_CFLAGS += -O3 -ffp-contract=off -fno-trapping-math
$(patsubst %.c,%.o,$(wildcard src/core/nn/*.c)): CORE_CFLAGS += -O3 -ffp-contract=off -fno-trapping-math

# The same image on every machine, on those too that have fused multiply-add.
$(patsubst %.c,%.o,$(wildcard src/core/sample/*.c)): CORE_CFLAGS += -ffp-contract=off

# Loops over samples, written for the vectorizer, which -O2 keeps on a short leash.
src/core/dicom/cells.o src/core/dicom/colour.o src/core/dicom/rle.o src/core/dicom/stored.o: CORE_CFLAGS += -O3

# Copies of their loops per predictor, and for lossless: worth the space.
src/core/image/jpeg_lossless.o src/core/image/jpeg_ls.o: CORE_CFLAGS += -O3

$(core_lib): $(core_objects)
	rm -f $@
	$(AR) rcs $@ $^

$(shlib): $(core_lib)

$(OBJS): CFLAGS += $(DEPFLAGS)

$(patsubst %,%/decoder/codec_jpeg2000.o,src build/fuzz build/cov): CORE_CPPFLAGS += $(J2K_CPPFLAGS)
$(patsubst %,%/decoder/codec_jpegxl.o,src build/fuzz build/cov): CORE_CPPFLAGS += $(JXL_CPPFLAGS)
# Planes to cells, and samples to their bits.
src/decoder/codec_jpeg2000.o src/decoder/codec_jpegxl.o: CORE_CFLAGS += -O3

src/decoder/%.o: src/decoder/%.c
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) $(DEPFLAGS) -c -o $@ $<

medimnet-decoder: $(decoder_objects) $(core_lib)
	$(CC) -o $@ $^ $(DECODER_LIBS)

src/cli/%.o: src/cli/%.c
	$(CC) $(CORE_CFLAGS) -D_GNU_SOURCE -DMEDIMNET_VERSION='"$(EXTVERSION)"' -I$(shell $(PG_CONFIG) --includedir) $(DEPFLAGS) -c -o $@ $<

src/cli/main.o: medimnet.control

medimnet: $(cli_objects)
	$(CC) -o $@ $^ -L$(shell $(PG_CONFIG) --libdir) -lpq -lm

all: $(programs)

install: install-programs

.PHONY: install-programs
install-programs: $(programs)
	$(MKDIR_P) '$(DESTDIR)$(pkglibdir)' '$(DESTDIR)$(bindir)'
	$(if $(decoder_objects),$(INSTALL_PROGRAM) medimnet-decoder '$(DESTDIR)$(pkglibdir)')
	$(if $(cli_objects),$(INSTALL_PROGRAM) medimnet '$(DESTDIR)$(bindir)')

uninstall: uninstall-programs

.PHONY: uninstall-programs
uninstall-programs:
	rm -f '$(DESTDIR)$(pkglibdir)/medimnet-decoder' '$(DESTDIR)$(bindir)/medimnet'

sql/medimnet--$(EXTVERSION).sql: $(sort $(wildcard sql/install/*.sql)) medimnet.control
	cat $(sort $(wildcard sql/install/*.sql)) > $@

unit_programs = $(patsubst test/unit/%.c,build/unit/%,$(wildcard test/unit/test_*.c))
fuzz_programs = $(patsubst test/fuzz/%.c,build/fuzz/%,$(wildcard test/fuzz/fuzz_*.c))
FUZZ_CC = clang-14
FUZZ_CFLAGS = -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Wall -Wextra -Wno-missing-field-initializers
FUZZ_LIB = build/fuzz/libmmn.a
CORE_LIBS = $(BLAS_LIBS) -lpng -lnettle -lz -lm

build/unit/%: test/unit/%.c $(wildcard test/unit/*.h) $(core_lib)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ $< $(core_lib) $(CORE_LIBS)

# The core once more, instrumented: fuzzers must see into it.
fuzz_objects = $(patsubst src/core/%.c,build/fuzz/%.o,$(core_sources))

$(fuzz_objects): | $(core_tables)

# Kernels are all vectors, which UBSan makes minutes of.
$(patsubst src/core/%.c,build/fuzz/%.o,$(wildcard src/core/nn/conv_*.c src/core/nn/winograd_*.c)): \
	FUZZ_CFLAGS := $(subst $(comma)undefined -fno-sanitize-recover=undefined,,$(FUZZ_CFLAGS))

$(fuzz_objects): build/fuzz/%.o: src/core/%.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(subst fuzzer$(comma),fuzzer-no-link$(comma),$(FUZZ_CFLAGS)) $(CORE_CPPFLAGS) $(DEPFLAGS) -c -o $@ $<

# and the C codecs of the decoder
codec_names = codec_png codec_jpeg codec_jpeg2000 codec_jpegxl
CODEC_LIBS = $(J2K_LIBS) $(JXL_LIBS) -lpng -ljpeg
fuzz_codecs = $(codec_names:%=build/fuzz/decoder/%.o)

$(fuzz_codecs): build/fuzz/decoder/%.o: src/decoder/%.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(subst fuzzer$(comma),fuzzer-no-link$(comma),$(FUZZ_CFLAGS)) $(CORE_CPPFLAGS) $(DEPFLAGS) -c -o $@ $<

build/fuzz/fuzz_codec build/fuzz/fuzz_frame: build/fuzz/%: test/fuzz/%.c $(fuzz_codecs) $(FUZZ_LIB)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(CORE_CPPFLAGS) -o $@ $^ $(CODEC_LIBS) $(CORE_LIBS)

$(FUZZ_LIB): $(fuzz_objects)
	rm -f $@
	$(AR) rcs $@ $^

build/fuzz/fuzz_%: test/fuzz/fuzz_%.c $(FUZZ_LIB)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(CORE_CPPFLAGS) -o $@ $< $(FUZZ_LIB) $(CORE_LIBS)

# The core for gcov, and what exercises it: unit tests, and the fuzz targets
# with a main program of their own.
cov_objects = $(patsubst src/core/%.c,build/cov/%.o,$(core_sources))
COV_CFLAGS = $(CORE_CFLAGS) -O0 --coverage
COV_LIB = build/cov/libmmn.a
cov_codecs = $(codec_names:%=build/cov/decoder/%.o)
cov_programs = $(patsubst build/unit/%,build/cov/unit/%,$(unit_programs)) \
	$(patsubst build/fuzz/%,build/cov/replay/%,$(fuzz_programs))

$(cov_objects): | $(core_tables)

$(cov_objects): build/cov/%.o: src/core/%.c
	@mkdir -p $(@D)
	$(CC) $(COV_CFLAGS) $(CORE_CPPFLAGS) $(DEPFLAGS) -c -o $@ $<

# Loops that are compiled once per predictor count once, as they are written.
build/cov/image/jpeg_lossless.o: COV_CFLAGS += -Dalways_inline=noinline

$(cov_codecs): build/cov/decoder/%.o: src/decoder/%.c
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) $(DEPFLAGS) -c -o $@ $<

$(COV_LIB): $(cov_objects)
	rm -f $@
	$(AR) rcs $@ $^

build/cov/unit/%: test/unit/%.c $(COV_LIB)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ $< $(COV_LIB) $(CORE_LIBS) --coverage

build/cov/replay/%: test/fuzz/%.c test/fuzz/replay.c $(cov_codecs) $(COV_LIB)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) -Wno-missing-prototypes $(CORE_CPPFLAGS) -o $@ $^ $(CODEC_LIBS) $(CORE_LIBS) --coverage

# What of our own parsers the unit tests and the fuzz corpus reach.
.PHONY: coverage
coverage: $(cov_programs)
	@test/coverage.sh build/cov

# Programs that tests run, over the decoder's code.
tool_programs = $(patsubst test/tools/%.c,build/tools/%,$(wildcard test/tools/*.c))
DECODER_LIBS = $(CODEC_LIBS) -lz -lseccomp -lnettle -lm

# one that needs nothing of the decoder
build/tools/run_network: test/tools/run_network.c $(core_lib)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ $< $(core_lib) $(CORE_LIBS)

build/tools/%: test/tools/%.c $(filter-out src/decoder/main.o,$(decoder_objects)) $(core_lib)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -c -o $@.o $<
	$(CC) -o $@ $@.o $(filter %.o,$^) $(core_lib) $(DECODER_LIBS)

# A helper that lies, hangs and dies; no shared libraries, so that it starts at once.
build/hostile/%: test/hostile/%.c src/decoder/wire.h src/decoder/sandbox.o src/core/base/status.o
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) -D_GNU_SOURCE $(CORE_CPPFLAGS) -static -o $@ $(filter %.c %.o,$^) -lseccomp

.PHONY: test test-programs fuzz
test: deps
	$(MAKE) -j2 all
	$(MAKE) -j2 test-programs
	test/run.sh $(TESTS)

test-programs: $(unit_programs) $(fuzz_programs) $(tool_programs) build/hostile/hostile_helper

# Every network of torchvision's classification zoo: half an hour, and the
# packages it needs take 200 MB, so no part of make test.  NAMES: only those.
.PHONY: test-zoo
test-zoo:
	@test/deps.sh $(DEB_BUILD) $(DEB_ZOO)
	$(MAKE) build/tools/run_network
	/usr/bin/python3 test/zoo.py build build/zoo $(NAMES)

.PHONY: demo
demo: deps
	$(MAKE) -j2 all
	KEEP='$(KEEP)' DEMO_DIR='$(DEMO_DIR)' examples/demo.sh

# All fuzz targets for FUZZ_SECONDS each.
fuzz: deps
	$(MAKE) -j2 all test-programs
	test/run.sh test/t/003_fuzz.pl

# The decoder's own code beside its peers, each a program of its own: GDCM and
# DCMTK bring different versions of CharLS, which do not live together.
bench_programs = $(addprefix build/bench/,ours $(basename $(notdir $(wildcard test/bench/peer_*.c test/bench/peer_*.cc))))
bench_inputs = build/bench/inputs/made

build/bench/ours: test/bench/ours.c test/bench/bench.h $(filter-out src/decoder/main.o,$(decoder_objects)) $(core_lib)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -c -o $@.o $<
	$(CC) -o $@ $@.o $(filter %.o,$^) $(core_lib) $(DECODER_LIBS)

# Images a second of one network, and where the time goes.
build/bench/network: test/bench/network.c $(core_lib)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ $< $(core_lib) $(CORE_LIBS)

build/bench/peer_dcmtk: bench_libs = -ldcmjpeg -ldcmimgle -ldcmdata -loflog -lofstd -lz
build/bench/peer_gdcm: bench_libs = $(GDCM_LIBS)
build/bench/peer_charls: bench_libs = -lcharls
build/bench/peer_openjpeg: bench_libs = $(shell pkg-config --cflags --libs libopenjp2 2>/dev/null)
build/bench/peer_jpeg: bench_libs = -lturbojpeg
build/bench/peer_png: bench_libs = -lpng

build/bench/peer_%: test/bench/peer_%.c test/bench/bench.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -o $@ $< $(bench_libs)

build/bench/peer_%: test/bench/peer_%.cc test/bench/bench.h
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -O2 -Wall -Wextra $(GDCM_CPPFLAGS:-I%=-isystem %) -o $@ $< $(bench_libs)

$(bench_inputs): test/bench/inputs.py
	@mkdir -p $(@D)
	/usr/bin/python3 $< $(@D)
	touch $@

# Convolutions by layer, against OpenBLAS as it chooses its kernels itself.
build/bench/conv: test/bench/conv.c $(core_lib)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ $< $(core_lib) $(CORE_LIBS)

.PHONY: bench-conv
bench-conv: build/bench/conv
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $<

# Networks beside ONNX Runtime, which npm fetches: needs node and npm.  Its
# scripts would fetch the part for graphics cards.
nn_inputs = build/bench/nn/made
onnxruntime = build/bench/onnxruntime

$(nn_inputs): test/zoo.py | build/tools/run_network
	/usr/bin/python3 $< --keep build $(@D) resnet18 resnet50 densenet121 mobilenet_v2
	touch $@

$(onnxruntime)/node_modules:
	@command -v npm >/dev/null || { echo "bench-nn: this needs npm" >&2; exit 1; }
	@mkdir -p $(@D)
	npm install --silent --ignore-scripts --prefix $(@D) onnxruntime-node@1.30

.PHONY: bench-nn
bench-nn:
	@test/deps.sh $(DEB_BUILD) $(DEB_ZOO) python3-psycopg
	$(MAKE) -j2 all
	$(MAKE) build/tools/run_network $(nn_inputs) $(onnxruntime)/node_modules
	@failed=0; \
	/usr/bin/python3 test/bench/nn.py build $(dir $(nn_inputs)) $(onnxruntime) $(ROUNDS) || failed=1; \
	/usr/bin/python3 test/bench/nn_server.py $(dir $(nn_inputs)) $(onnxruntime) $(ROUNDS) || failed=1; \
	exit $$failed

.PHONY: bench bench-programs
bench-programs: $(bench_programs) $(bench_inputs)

bench: deps-bench
	$(MAKE) -j2 all
	$(MAKE) -j2 bench-programs
	/usr/bin/python3 test/bench/decode.py build/bench build/bench/inputs $(ROUNDS)
	test/bench/sql_path.sh build/bench build/bench/inputs $(ROUNDS)

# Batches beside plain SELECTs and PyTorch's own loader.
build/bench/pull: test/bench/pull.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -I$(shell $(PG_CONFIG) --includedir) -o $@ $< -lpq

batch_inputs = build/bench/batch_inputs/made

$(batch_inputs): test/bench/batch_inputs.py test/bench/inputs.py
	@mkdir -p $(@D)
	/usr/bin/python3 $< $(@D)
	touch $@

.PHONY: bench-batches
bench-batches: deps-bench
	$(MAKE) -j2 all
	$(MAKE) build/bench/pull $(batch_inputs)
	/usr/bin/python3 test/bench/batches.py build/bench build/bench/batch_inputs $(ROUNDS)

.PHONY: deps deps-bench
deps-bench:
	@test/deps.sh $(DEB_BUILD) $(DEB_TEST) $(DEB_BENCH)

deps:
	@test/deps.sh $(DEB_BUILD) $(DEB_TEST)

-include $(fuzz_objects:.o=.d) $(fuzz_codecs:.o=.d) $(cov_objects:.o=.d) $(cov_codecs:.o=.d)
-include $(wildcard src/*/*.d src/*/*/*.d)
