# Every command starts the lab it needs. The lab's parts are built once, into
# PICLUSTER_CACHE, by default ~/.cache/picluster.
LAB = go run ./lab/cmd/lab

.PHONY: up preview refresh status down stop test lint

up:      ; @$(LAB) up       # start the lab and bring its stack up
preview: ; @$(LAB) preview  # show what up would change
refresh: ; @$(LAB) refresh  # accept into the state what was changed by hand
status:  ; @$(LAB) status   # health, Tempo's pods, the stack's outputs
down:    ; @$(LAB) down     # destroy the stack and remove the lab
stop:    ; @$(LAB) stop     # stop the lab and keep its data

# The parts first: go test would build them too, but say nothing meanwhile.
test:
	@$(LAB) build
	go test -count=1 -timeout=60m ./...

lint:
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not gofmt'd: $$unformatted"; exit 1; }
	go vet ./...
	go tool -modfile=tools/go.mod staticcheck ./...
