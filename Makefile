# STACK is the stack to work on. The lab's has a Pulumi, a cluster and a MinIO of
# its own; any other has those that are here.
STACK ?= lab
# YES=yes asks nothing. SUMMARY=FILE has the result of preview or drift in Markdown;
# PULL=NUMBER puts a preview's into a pull request on GitHub, and ISSUE=yes keeps an
# issue open for as long as there is drift.
YES ?= $(if $(ON_LAB),yes)

ON_LAB    = $(filter lab,$(STACK))
TOOLS     = $(if $(ON_LAB),bin/lab) bin/picluster
PICLUSTER = $(if $(ON_LAB),bin/lab run) bin/picluster
FLAGS     = -stack $(STACK) $(if $(YES),-yes) $(if $(SUMMARY),-summary $(SUMMARY)) \
            $(if $(PULL),-pull $(PULL)) $(if $(ISSUE),-issue)

# For all that is compiled here, so that it is compiled once: without a C compiler, and
# without this machine's paths, which Pulumi would write into the state.
export CGO_ENABLED = 0
export GOFLAGS := -trimpath $(GOFLAGS)

.PHONY: up preview refresh adopt rotate drift stacks status down stop test bench build lint vulnerabilities fuzz FORCE

up: $(TOOLS) # bring the stack up, and put right what was changed by hand
	@$(PICLUSTER) up $(FLAGS)

preview: $(TOOLS) # show what up would change
	@$(PICLUSTER) preview $(FLAGS)

refresh: $(TOOLS) # accept into the state what was changed by hand
	@$(PICLUSTER) refresh $(FLAGS)

adopt: $(TOOLS) # take in what the stack would make and is there already
	@$(PICLUSTER) adopt $(FLAGS)

rotate: $(TOOLS) # make another secret key, and have all follow that have the old one
	@$(PICLUSTER) rotate $(FLAGS)

# Ends with 0 for none, 2 for some, 1 if it cannot be told. All failures are 2 to
# make, which ends with 1 only if it is told to quit, while it waits for the command.
drift: $(TOOLS) # find what was changed by hand
	@$(PICLUSTER) drift $(FLAGS) || { code=$$?; [ $$code -eq 2 ] || { kill -QUIT $$PPID; sleep 1; }; exit $$code; }

stacks: # the stacks that have a file here, but for the lab's, as JSON
	@ls Pulumi.*.yaml | sed -n '/^Pulumi\.lab\.yaml$$/d; s/^Pulumi\.\(.*\)\.yaml$$/"\1"/p' | paste -sd, | sed 's/.*/[&]/'

status: bin/lab ; @bin/lab status # health, Tempo's pods, the stack's outputs
down:   bin/lab ; @bin/lab down   # destroy the lab's stack and remove the lab
stop:   bin/lab ; @bin/lab stop   # stop the lab and keep its data

# The parts first: go test would build them too, but say nothing meanwhile. Three labs
# at a time keep two processors busy.
test: bin/lab bin/picluster
	@bin/lab build
	go test -count=1 $$(go list ./... | grep -v /tests$$)
	cd ops && go test -count=1 ./...
	go tool -modfile=tools/go.mod gotestsum --format=testname -- -count=1 -timeout=60m -parallel=3 ./tests

bench: bin/lab bin/picluster # measure what it costs, and write it to docs/bench
	@bin/lab build
	go run ./bench

# Not these: running commands (G204) and reading files (G304) that the user names is
# what the lab and the commands are for.
GOSEC = go tool -modfile=tools/go.mod gosec -quiet -exclude=G204,G304

build: dist/linux-amd64 dist/linux-arm64 # prebuilt, for machines that are to compile nothing

# A project like this one, whose Pulumi.yaml names the program instead of how to
# compile it.
dist/linux-%: FORCE
	@rm -rf $@ && mkdir -p $@
	GOOS=linux GOARCH=$* go build -o $@/program .
	cd ops && GOOS=linux GOARCH=$* go build -o ../$@/picluster .
	@sed 's|buildTarget: bin/program|binary: program|; /# Kept between runs/d' Pulumi.yaml > $@/Pulumi.yaml
	@cp $(filter-out Pulumi.lab.yaml,$(wildcard Pulumi.*.yaml)) $@

lint:
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not gofmt'd: $$unformatted"; exit 1; }
	go vet ./...
	cd ops && go vet ./...
	go tool -modfile=tools/go.mod staticcheck ./...
	cd ops && go tool -modfile=../tools/go.mod staticcheck ./...
	$(GOSEC) -exclude-dir=ops -exclude-dir=lab/parts -exclude-dir=bench/parts ./...
	cd ops && $(subst tools/,../tools/,$(GOSEC)) ./...
	go tool -modfile=tools/go.mod actionlint
	@$(MAKE) --no-print-directory vulnerabilities

# govulncheck ends with 3 if it has found one, and otherwise if it could not look.
vulnerabilities:
	@for module in . ops; do \
		found=$$(go -C $$module tool -modfile=$(CURDIR)/tools/go.mod govulncheck ./... 2>&1) && continue; code=$$?; \
		echo "$$found"; [ $$code -ne 3 ] || exit 1; \
		echo "known vulnerabilities were NOT looked for in module $$module"; \
	done

fuzz: # the configuration, for a minute
	go test ./stacks -run '^$$' -fuzz FuzzLoad -fuzztime 60s

bin/lab: FORCE
	@go build -o $@ ./lab/cmd/lab

bin/picluster: FORCE
	@first=$$([ -x $@ ] || echo yes); start=$$(date +%s); \
	[ -z "$$first" ] || echo "compiling bin/picluster, which takes up to 2 minutes the first time"; \
	(cd ops && go build -o ../$@ .) || exit; \
	[ -z "$$first" ] || echo "compiled bin/picluster in $$(($$(date +%s) - start)) s"
