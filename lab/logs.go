package lab

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// LogsVariable names the environment variable for the directory that the logs of a failed
// test's lab are copied to. CI uploads it. Without it they are removed with the lab.
const LogsVariable = "LAB_LOGS"

// Logs returns the paths of the logs of the lab's programs.
func (l *Lab) Logs() (logs []string) {
	for _, pattern := range []string{
		l.objectStore().logFile(), filepath.Join(l.cluster().dir(), "logs", "*.log"), filepath.Join(l.nodes().path("logs"), "*.log"),
	} {
		found, _ := filepath.Glob(pattern) // an error is of the pattern
		logs = append(logs, found...)
	}
	return logs
}

// KeepLogs copies the logs to the directory name inside the one that LogsVariable names. No
// credential is in them. It returns that directory's path, or an empty path if the variable is
// not set.
func (l *Lab) KeepLogs(name string) (dir string, err error) {
	top := os.Getenv(LogsVariable)
	if top == "" {
		return "", nil
	}
	dir = filepath.Join(top, strings.ReplaceAll(name, "/", "-"))
	if err := os.MkdirAll(dir, 0o755); err != nil { // #nosec G301 -- CI uploads it as another user
		return "", err
	}
	for _, path := range l.Logs() {
		name, relErr := filepath.Rel(l.Dir, path)
		text, readErr := os.ReadFile(path)
		if failed := errors.Join(relErr, readErr); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		file := filepath.Join(dir, strings.ReplaceAll(name, string(filepath.Separator), "-"))
		err = errors.Join(err, os.WriteFile(file, text, 0o644)) // #nosec G306 -- CI uploads it as another user
	}
	return dir, err
}
