# STACK=NAME is the stack; the default is the lab's, which has a Pulumi, a cluster and
# a MinIO of its own. Any other stack uses the installed Pulumi. YES=yes asks nothing.
# SUMMARY=FILE receives the result of preview and drift in Markdown. ONLY=2,5 limits
# repair to these rows of drift's table. WAIT=45m has verify wait for a block in the
# bucket. VERSION=v1.2.3 is what `picluster version` says of what build and release build.

help: # print this help
	@awk '/^[a-z][a-z0-9-]*:.* # / { name = $$0; sub(/:.*/, "", name); sub(/^.* # /, ""); printf "make %-16s %s\n", name, $$0 }' Makefile
	@echo
	@awk '!/^#/ { exit } { sub(/^# ?/, ""); print }' Makefile

# A name is data. By default make expands the value of a variable, $(shell …) too, so the
# text is taken with $(value …), and a recipe reads it from the environment, in quotes.
STACK ?= lab
override STACK := $(value STACK)
ON_LAB := $(filter lab,$(STACK))
ifeq ($(origin YES),undefined)
YES := $(if $(ON_LAB),yes)
endif
override YES := $(value YES)
override SUMMARY := $(value SUMMARY)
override ONLY := $(value ONLY)
override WAIT := $(value WAIT)
override VERSION := $(value VERSION)
export STACK YES SUMMARY ONLY WAIT VERSION
# With this variable, picluster's messages name make's targets in place of its own commands.
export PICLUSTER_MAKE = yes

LAB       = $(if $(ON_LAB),bin/lab)
TOOLS     = $(LAB) bin/picluster
PICLUSTER = $(if $(ON_LAB),bin/lab run) bin/picluster
FLAGS     = --stack "$$STACK"
CONFIRM   = $${YES:+--yes}
REPORT    = $${SUMMARY:+--summary "$$SUMMARY"}

# For all that is compiled here, so that it is compiled once: without a C compiler, without
# this machine's paths, which Pulumi would write into the state, and without debug information,
# which takes an eighth of the time. internal/goflags has the same flags.
export CGO_ENABLED = 0
export GOFLAGS := -trimpath -gcflags=all=-dwarf=false $(GOFLAGS)

.PHONY: help up preview refresh repair adopt rotate drift verify status down stop test e2e e2e-download race bench build release lint cross \
        mutate wiring prose schema dashboards vulnerabilities fuzz arguments version FORCE

up: $(TOOLS) # deploy the stack
	@$(PICLUSTER) up $(FLAGS) $(CONFIRM)

preview: $(TOOLS) # show what up would change
	@$(PICLUSTER) preview $(FLAGS) $(REPORT)

refresh: $(TOOLS) # accept into the state what was changed outside Pulumi
	@$(PICLUSTER) refresh $(FLAGS) $(CONFIRM)

repair: $(TOOLS) # restore what was changed outside Pulumi
	@$(PICLUSTER) repair $(FLAGS) $(CONFIRM) $${ONLY:+--only "$$ONLY"}

adopt: $(TOOLS) # import what the stack would create and exists already
	@$(PICLUSTER) adopt $(FLAGS) $(CONFIRM)

rotate: $(TOOLS) # generate a new secret key, and update what uses it
	@$(PICLUSTER) rotate $(FLAGS) $(CONFIRM)

# make exits with 2 on any failure, so CI calls the command, which exits with 0 if there
# is no drift, 2 if there is some, and 1 if it could not tell.
drift: $(TOOLS) # find what was changed outside Pulumi
	@$(PICLUSTER) drift $(FLAGS) $(REPORT)

verify: $(TOOLS) # check that a trace goes in and comes out
	@$(PICLUSTER) verify $(FLAGS) $${WAIT:+--wait "$$WAIT"}

status: arguments # show the lab's health, Tempo's pods and the stack's outputs
	@$(call lab_only,pulumi stack --stack)
	@bin/lab status

down: arguments # destroy the lab's stack and remove the lab
	@$(call lab_only,bin/picluster destroy --stack)
	@bin/lab down

stop: arguments # stop the lab and keep its data
	@$(call lab_only,pulumi stack --stack)
	@bin/lab stop

# Fails for a stack that is not the lab's, and prints the command for that one. These
# targets compile nothing: whatever was started, bin/lab has started it.
lab_only = [ "$$STACK" = lab ] || { \
	printf 'make $@: STACK: got "%s"; want lab, because only the lab is started and stopped by make. Fix: $(1) %s\n' "$$STACK" "$$STACK" >&2; \
	exit 1; }; \
	[ -x bin/lab ] || { \
	printf 'make $@: bin/lab: is not there; want what make up has compiled. Fix: make bin/lab\n' >&2; \
	exit 1; }

# Rejects bad arguments before anything is built.
arguments:
	@LC_ALL=C; export LC_ALL; \
	case "$$STACK" in \
	''|*[!A-Za-z0-9_./-]*|/*|*/|*//*|*/*/*/*) \
		printf 'STACK: got "%s"; want letters, digits, "_", "." and "-", or ORG/PROJECT/NAME. Fix: make TARGET STACK=NAME\n' "$$STACK" >&2; exit 1;; \
	esac; \
	case "$$YES" in \
	''|yes) ;; \
	*)	printf 'YES: got "%s"; want yes or nothing. Fix: make TARGET YES=yes\n' "$$YES" >&2; exit 1;; \
	esac

# Root has the parts of real nodes too, which only root can run.
LAB_BUILD = if [ "$$(id -u)" = 0 ]; then LAB_NODES=real bin/lab build; else bin/lab build; fi

# The modules, each with a go.mod of its own, so that the program's go.mod has only what the
# program requires. Each example is a module, because a user's program is one.
MODULES  := $(sort $(filter-out tools,$(patsubst %/go.mod,%,$(wildcard */go.mod))))
EXAMPLES := $(patsubst %/go.mod,%,$(wildcard examples/*/go.mod))

LAB_PACKAGE := github.com/picluster/picluster/lab

# The parts first: go test would build them too, but print nothing meanwhile. Three labs
# at a time, and one more of lab's own tests, keep two processors busy. The processes of a
# lab end within seconds or minutes: with less garbage collection they take a fifth less of
# the processors. Without any, fresh memory costs more than that saves.
test: bin/lab bin/picluster # test everything on labs
	@bin/lab packages
	@$(LAB_BUILD)
	go test -count=1 ./...
	@for module in $(filter-out lab provider tests,$(MODULES)) $(EXAMPLES); do (cd "$$module" && go test -count=1 ./...) || exit; done
	cd provider && go test -count=1 -v ./...
	cd lab && go test -count=1 $$(go list ./... | grep -v -x $(LAB_PACKAGE))
	cd tests && GOGC=300 go tool -modfile=../tools/go.mod gotestsum --format=testname -- -count=1 -timeout=80m -parallel=3 ./... $(LAB_PACKAGE)

schema: # generate provider/schema.json from the components
	cd provider && go test -run '^TestSchema$$' . -update

dashboards: # generate Grafana's dashboards in components/grafana/dashboards
	cd monitoring && go run . dashboards

# What e2e runs on: the charts by Helm, the images by docker. CHART is one of the
# supported charts of mode microservices; chart tempo is for mode monolithic.
CHART ?= tempo-distributed-2.26.2
override CHART := $(value CHART)
export CHART
REAL := $(CURDIR)/.e2e
IMAGES := grafana/tempo:2.9.0 grafana/tempo:2.9.5 grafana/tempo:2.10.7 grafana/tempo:2.10.8 memcached:1.6.39-alpine memcached:1.6.43-alpine

e2e-download: # download the published charts and images into .e2e, with docker
	@set -e; mkdir -p $(REAL)/charts $(REAL)/images; \
	pull() { [ -d $(REAL)/charts/$$2-$$3 ] || { \
		go -C ops tool helm pull $$2 --repo $$1 --version $$3 --untar --untardir $(REAL)/charts/unpacked-$$3; \
		mv $(REAL)/charts/unpacked-$$3/$$2 $(REAL)/charts/$$2-$$3; }; }; \
	pull https://grafana.github.io/helm-charts tempo-distributed 1.61.3; \
	pull https://grafana-community.github.io/helm-charts tempo-distributed 2.26.2; \
	pull https://grafana-community.github.io/helm-charts tempo 2.2.4; \
	for image in $(IMAGES); do \
		file=$(REAL)/images/$$(echo "$$image" | sed 's|[/:]|-|g').tar; \
		[ -e "$$file" ] || { docker pull --quiet "$$image"; docker save --output "$$file.part" "$$image"; mv "$$file.part" "$$file"; }; \
	done

e2e: bin/lab bin/picluster # test CHART with the published charts and images on real nodes
	@bin/lab packages
	@LAB_NODES=real bin/lab build
	LAB_CHART="$(REAL)/charts/$$CHART" LAB_CHART_MONOLITHIC=$(REAL)/charts/tempo-2.2.4 \
		LAB_CHART_GUIDE=$(REAL)/charts/tempo-distributed-1.61.3 LAB_IMAGES=$(REAL)/images CI=true \
		go test -C tests -count=1 -timeout=60m -v -run '^(TestTraces|TestTracesThroughAnUpgrade|TestMonolithic|TestVerify)$$' .

# The race detector requires a C compiler.
race: arguments # run the tests of lab and ops with the race detector
	@cc=$$(go env CC); command -v "$${cc%% *}" >/dev/null || { \
		printf 'make race: CC: got "%s", which is not installed; want a C compiler. Fix: apt-get install gcc libc6-dev\n' "$$cc" >&2; exit 1; }
	@$(MAKE) --no-print-directory bin/lab
	@bin/lab packages
	@$(LAB_BUILD)
	cd lab && CGO_ENABLED=1 go test -race -count=1 ./...
	cd ops && CGO_ENABLED=1 go test -race -count=1 ./...

bench: bin/lab bin/picluster # measure what it costs, and write it to docs/bench
	@bin/lab build
	cd bench && go build -o ../bin/bench .
	bin/bench

# Without the rules for running commands (G204, G702) and for reading and writing files
# (G304, G703), because the lab and the commands use the commands and files that the user
# names.
GOSEC = go tool -modfile=$(CURDIR)/tools/go.mod gosec -quiet -exclude=G204,G304,G702,G703

PLATFORMS := linux-amd64 linux-arm64 darwin-amd64 darwin-arm64

build: $(PLATFORMS:%=dist/%) # build for machines that compile nothing

# Rejects a VERSION that is not a version, because it becomes part of flags and of file
# names. A release requires one.
version:
	@[ -z "$${VERSION}$(filter release,$(MAKECMDGOALS))" ] || LC_ALL=C expr "$$VERSION" : '\(v[0-9]\{1,\}\.[0-9]\{1,\}\.[0-9]\{1,\}\(-[0-9A-Za-z.-]\{1,\}\)\{0,1\}\)$$' >/dev/null || { \
		printf 'VERSION: got "%s"; want a version such as v1.2.3. Fix: make %s VERSION=v1.2.3\n' "$$VERSION" $(or $(filter release,$(MAKECMDGOALS)),build) >&2; exit 1; }

# A project like this one, whose Pulumi.yaml names the program instead of how to
# compile it.
$(PLATFORMS:%=dist/%): dist/%: FORCE | arguments version
	@rm -rf $@ && mkdir -p $@
	GOOS=$(word 1,$(subst -, ,$*)) GOARCH=$(word 2,$(subst -, ,$*)) go build -o $@/program .
	cd ops && GOOS=$(word 1,$(subst -, ,$*)) GOARCH=$(word 2,$(subst -, ,$*)) go build -ldflags "-X main.released=$$VERSION" -o ../$@/picluster .
	@sed 's|buildTarget: bin/program|binary: program|; /# Kept between runs/d' Pulumi.yaml > $@/Pulumi.yaml
	@for file in Pulumi.*.yaml; do [ "$$file" = Pulumi.lab.yaml ] || cp "$$file" $@; done

# An archive for each platform, an SBOM of each binary (CycloneDX), and the checksums. Stack
# files other than the example's are yours, and stay out of the archive.
release: build # pack VERSION for four platforms into dist/release
	@rm -rf dist/release && mkdir -p dist/release
	@set -e; for platform in $(PLATFORMS); do \
		name=picluster-$$VERSION-$$platform; \
		rm -rf "dist/$$name" && cp -R "dist/$$platform" "dist/$$name"; \
		find "dist/$$name" -name 'Pulumi.*.yaml' ! -name Pulumi.picluster.yaml -exec rm {} +; \
		tar -c -z -f "dist/release/$$name.tar.gz" -C dist "$$name"; \
		rm -rf "dist/$$name"; \
		for binary in program picluster; do \
			go tool -modfile=tools/go.mod cyclonedx-gomod bin -json -version "$$VERSION" -output "dist/release/$$name.$$binary.cdx.json" "dist/$$platform/$$binary"; \
		done; \
	done
	@sum=$$(command -v sha256sum || echo shasum -a 256); cd dist/release && $$sum * > SHA256SUMS && cat SHA256SUMS

lint: # gofmt, go vet, staticcheck, gosec, actionlint, vale, govulncheck
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not gofmt'd: $$unformatted"; exit 1; }
	@for module in . $(MODULES) $(EXAMPLES); do (cd "$$module" && go mod tidy -diff && go vet ./...) || { echo "module $$module"; exit 1; }; done
	cd provider && go test -run '^TestSchema$$' .
	cd monitoring && go test -run '^TestDashboards$$' .
	@for module in . $(MODULES); do (cd "$$module" && go tool -modfile=$(CURDIR)/tools/go.mod staticcheck ./...) || { echo "module $$module"; exit 1; }; done
	$(GOSEC) $(patsubst %,"-exclude-dir=^%",$(MODULES) examples) ./...
	@for module in $(MODULES); do (cd "$$module" && $(GOSEC) -exclude-dir=parts ./...) || { echo "module $$module"; exit 1; }; done
	go tool -modfile=tools/go.mod actionlint
	@cc=$$(go env CC); if command -v "$${cc%% *}" >/dev/null; then $(MAKE) --no-print-directory prose; else \
		echo "the words of documents and messages were NOT checked: vale requires a C compiler"; fi
	@$(MAKE) --no-print-directory vulnerabilities

# The messages of the program and its commands become a document, which exists only while
# vale runs.
prose: arguments # check the words of documents, descriptions, help texts and messages
	@cc=$$(go env CC); command -v "$${cc%% *}" >/dev/null || { \
		printf 'make prose: CC: got "%s", which is not installed; want a C compiler. Fix: apt-get install gcc libc6-dev\n' "$$cc" >&2; exit 1; }
	@mkdir -p .messages && trap 'rm -rf .messages' EXIT && go run ./docs/messages > .messages/messages.md && \
	CGO_ENABLED=1 go tool -modfile=tools/go.mod vale --output=line $$(git ls-files --cached --others --exclude-standard '*.md') .messages/messages.md

# The platforms that CI compiles for and runs no tests on.
CROSS := linux/arm64 darwin/arm64

# The parts of the lab are not compiled: that takes about 15 minutes for each platform.
cross: # vet every module and link the lab for linux/arm64 and darwin/arm64
	@mkdir -p dist; for platform in $(CROSS); do \
		export GOOS=$${platform%/*} GOARCH=$${platform#*/}; \
		for module in . $(MODULES) $(EXAMPLES); do \
			echo "vet for $$platform: $$module"; \
			(cd "$$module" && go vet ./...) || exit; \
		done; \
		echo "link for $$platform: bin/lab"; \
		(cd lab && go build -o ../dist/lab-$$GOOS-$$GOARCH ./cmd/lab) || exit; \
	done

# govulncheck exits with 3 if it has found a vulnerability, and with another code if it
# could not look.
vulnerabilities: # look for known vulnerabilities
	@for module in . $(MODULES); do \
		found=$$(go -C $$module tool -modfile=$(CURDIR)/tools/go.mod govulncheck ./... 2>&1) && continue; code=$$?; \
		echo "$$found"; [ $$code -ne 3 ] || exit 1; \
		echo "known vulnerabilities were NOT looked for in module $$module"; \
	done

# Packages whose unit tests must notice at least 90 % of the changes that gremlins makes
# to conditions and arithmetic.
MUTATED := components/objectstore components/kubernetes components/tempo/chart components/tempo \
	components/grafana components/otel components/prometheus components/tracing stacks

# Gremlins runs no test of a command (package main): stacks/generate is left out.
mutate: wiring # change the components in one place at a time: a unit test must fail
	@for package in $(MUTATED); do \
		echo "mutate: $$package"; \
		go tool -modfile=tools/go.mod gremlins unleash --workers 1 --timeout-coefficient 10 \
			--threshold-efficacy 90 --threshold-mcover 90 --exclude-files generate/ ./$$package || exit; \
	done

wiring: # apply the changes of mutation/wiring.yaml: a unit test must fail
	go run ./mutation

# A number, because a time sometimes ends as a failure: https://go.dev/issue/75804. It is
# what two cores try in a minute.
fuzz: # fuzz the configuration
	go test ./stacks -run '^$$' -fuzz FuzzLoad -fuzztime 70000x

# go build links on the same disk, so that it moves the binary into place. A copy that is
# cut off starts like a complete binary, and go build takes it for one.
LINK = mkdir -p bin && export GOTMPDIR=$(CURDIR)/bin $$([ -n "$$GOGC" ] || $(COLLECT_LESS))

# With 3 GiB of memory for each core, the compilers collect less garbage, as those of lab/compiler.go.
COLLECT_LESS = awk -v cores="$$(getconf _NPROCESSORS_ONLN)" -v limit="$$(cat /sys/fs/cgroup/memory.max 2>/dev/null)" \
	'/^MemTotal:/ { bytes = $$2 * 1024; if (limit + 0 > 0 && limit + 0 < bytes) bytes = limit + 0; \
	if (bytes >= 3221225472 * cores) print "GOGC=off GOMEMLIMIT=1500MiB" }' /proc/meminfo 2>/dev/null

bin/lab: FORCE | arguments
	@$(LINK) && find bin -maxdepth 1 -name 'go-build*' -mmin +60 -exec rm -r {} + && cd lab && go build -o ../$@ ./cmd/lab

bin/picluster: FORCE | arguments
	@first=$$([ -x $@ ] || echo yes); start=$$(date +%s); \
	[ -z "$$first" ] || echo "compiling bin/picluster, which takes 2 to 4 minutes the first time"; \
	($(LINK) && cd ops && go build -o ../$@ .) || exit; \
	[ -z "$$first" ] || echo "compiled bin/picluster in $$(($$(date +%s) - start)) s"
