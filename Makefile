# STACK=NAME is the stack; the default is the lab's, which has a Pulumi, a cluster and
# a MinIO of its own. Any other stack uses the installed Pulumi. YES=yes asks nothing.
# SUMMARY=FILE receives the result of preview and drift in Markdown. ONLY=2,5 limits
# repair to these rows of drift's table. WAIT=45m has verify wait for a block in the
# bucket.

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
export STACK YES SUMMARY ONLY WAIT

LAB       = $(if $(ON_LAB),bin/lab)
TOOLS     = $(LAB) bin/picluster
PICLUSTER = $(if $(ON_LAB),bin/lab run) bin/picluster
FLAGS     = --stack "$$STACK"
CONFIRM   = $${YES:+--yes}
REPORT    = $${SUMMARY:+--summary "$$SUMMARY"}

# For all that is compiled here, so that it is compiled once: without a C compiler, and
# without this machine's paths, which Pulumi would write into the state.
export CGO_ENABLED = 0
export GOFLAGS := -trimpath $(GOFLAGS)

.PHONY: help up preview refresh repair adopt rotate drift verify status down stop test e2e e2e-download race bench build lint \
        vulnerabilities fuzz arguments FORCE

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

status: arguments $(LAB) # show the lab's health, Tempo's pods and the stack's outputs
	@$(call lab_only,pulumi stack --stack)
	@bin/lab status

down: arguments $(LAB) # destroy the lab's stack and remove the lab
	@$(call lab_only,pulumi destroy --stack)
	@bin/lab down

stop: arguments $(LAB) # stop the lab and keep its data
	@$(call lab_only,pulumi stack --stack)
	@bin/lab stop

# Fails for a stack that is not the lab's, and prints the command for that one.
lab_only = [ "$$STACK" = lab ] || { \
	printf 'make $@: STACK: got "%s"; want lab, because only the lab is started and stopped by make. Fix: $(1) %s\n' "$$STACK" "$$STACK" >&2; \
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

# The parts first: go test would build them too, but say nothing meanwhile. Three labs
# at a time keep two processors busy.
test: bin/lab bin/picluster # test everything on labs
	@bin/lab packages
	@$(LAB_BUILD)
	go test -count=1 $$(go list ./... | grep -v /tests$$)
	cd ops && go test -count=1 ./...
	go tool -modfile=tools/go.mod gotestsum --format=testname -- -count=1 -timeout=60m -parallel=3 ./tests

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
		file=$(REAL)/images/$$(echo "$$image" | tr /: --).tar; \
		[ -e "$$file" ] || { docker pull --quiet "$$image"; docker save --output "$$file.part" "$$image"; mv "$$file.part" "$$file"; }; \
	done

e2e: bin/lab bin/picluster # test CHART with the published charts and images on real nodes
	@bin/lab packages
	@LAB_NODES=real bin/lab build
	LAB_CHART="$(REAL)/charts/$$CHART" LAB_CHART_MONOLITHIC=$(REAL)/charts/tempo-2.2.4 \
		LAB_CHART_GUIDE=$(REAL)/charts/tempo-distributed-1.61.3 LAB_IMAGES=$(REAL)/images CI=true \
		go test -count=1 -timeout=60m -v -run '^(TestTraces|TestTracesThroughAnUpgrade|TestMonolithic|TestVerify)$$' ./tests

# The race detector requires a C compiler.
race: arguments # run the unit tests, and the lab's, with the race detector
	@cc=$$(go env CC); command -v "$${cc%% *}" >/dev/null || { \
		printf 'make race: CC: got "%s", which is not installed; want a C compiler. Fix: apt-get install gcc libc6-dev\n' "$$cc" >&2; exit 1; }
	@$(MAKE) --no-print-directory bin/lab
	@bin/lab packages
	@$(LAB_BUILD)
	CGO_ENABLED=1 go test -race -count=1 ./lab/...
	cd ops && CGO_ENABLED=1 go test -race -count=1 ./...

bench: bin/lab bin/picluster # measure what it costs, and write it to docs/bench
	@bin/lab build
	go run ./bench

# Not these: running commands (G204) and reading files (G304) that the user names is
# what the lab and the commands are for.
GOSEC = go tool -modfile=tools/go.mod gosec -quiet -exclude=G204,G304

build: dist/linux-amd64 dist/linux-arm64 # build for machines that compile nothing

# A project like this one, whose Pulumi.yaml names the program instead of how to
# compile it.
dist/linux-%: FORCE
	@rm -rf $@ && mkdir -p $@
	GOOS=linux GOARCH=$* go build -o $@/program .
	cd ops && GOOS=linux GOARCH=$* go build -o ../$@/picluster .
	@sed 's|buildTarget: bin/program|binary: program|; /# Kept between runs/d' Pulumi.yaml > $@/Pulumi.yaml
	@for file in Pulumi.*.yaml; do [ "$$file" = Pulumi.lab.yaml ] || cp "$$file" $@; done

lint: # gofmt, go vet, staticcheck, gosec, actionlint, govulncheck
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
vulnerabilities: # look for known vulnerabilities
	@for module in . ops; do \
		found=$$(go -C $$module tool -modfile=$(CURDIR)/tools/go.mod govulncheck ./... 2>&1) && continue; code=$$?; \
		echo "$$found"; [ $$code -ne 3 ] || exit 1; \
		echo "known vulnerabilities were NOT looked for in module $$module"; \
	done

fuzz: # fuzz the configuration for a minute
	go test ./stacks -run '^$$' -fuzz FuzzLoad -fuzztime 60s

bin/lab: FORCE | arguments
	@go build -o $@ ./lab/cmd/lab

bin/picluster: FORCE | arguments
	@first=$$([ -x $@ ] || echo yes); start=$$(date +%s); \
	[ -z "$$first" ] || echo "compiling bin/picluster, which takes up to 2 minutes the first time"; \
	(cd ops && go build -o ../$@ .) || exit; \
	[ -z "$$first" ] || echo "compiled bin/picluster in $$(($$(date +%s) - start)) s"
