// How fast `millrace run` is ready, and how much memory it takes when idle:
//
//   start_bench empty MILLRACE PROJECT DATA_FOLDER      an empty data folder, five times, median
//   start_bench after-kill MILLRACE PROJECT DATA_FOLDER an existing folder: run, kill -9, start
//   again
//
// "Ready" is the line that `millrace run` prints when every table is open for reading, counted from
// fork.
#include <algorithm>
#include <thread>
#include <vector>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/file_system.h"
#include "measure.h"

namespace millrace::bench {
namespace {

struct Child {
  pid_t pid = -1;
  double ready_ms = -1;  // -1: it ended before it was ready
};

Child StartAndWait(const std::vector<std::string>& command) {
  int ends[2];
  if (::pipe(ends) != 0) return {};
  const Stopwatch watch;
  Child child;
  child.pid = ::fork();
  if (child.pid == 0) {
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[0]);
    std::vector<char*> argv;
    for (const std::string& argument : command) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t read; (read = ::read(ends[0], buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<size_t>(read));
    if (text.find("\"run.started\"") == std::string::npos) continue;
    child.ready_ms = watch.Seconds() * 1000;
    break;
  }
  if (child.ready_ms < 0) fmt::print(stderr, "{}", text);
  // The pipe stays open: the child must be able to write on.
  return child;
}

void Kill(const Child& child, int signal) {
  ::kill(child.pid, signal);
  int status = 0;
  ::waitpid(child.pid, &status, 0);
}

double ResidentMib(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

int Empty(const std::vector<std::string>& command, const std::string& folder) {
  std::vector<double> times;
  for (int i = 0; i < 5; ++i) {
    if (const auto removed = io::RemoveTree(io::PosixFileSystem(), folder); !removed) return 1;
    const Child child = StartAndWait(command);
    if (child.ready_ms < 0) return 1;
    times.push_back(child.ready_ms);
    if (i == 4) {
      std::this_thread::sleep_for(std::chrono::seconds(3));
      Report("memory.idle_mib", ResidentMib(child.pid), "MiB");
    }
    Kill(child, SIGTERM);
  }
  std::sort(times.begin(), times.end());
  Report("start.empty_ms", times[2], "ms");
  return 0;
}

int AfterKill(const std::vector<std::string>& command) {
  const Child first = StartAndWait(command);
  if (first.ready_ms < 0) return 1;
  std::this_thread::sleep_for(std::chrono::seconds(1));
  Kill(first, SIGKILL);
  const Child second = StartAndWait(command);
  if (second.ready_ms < 0) return 1;
  Report("start.after_kill_1gib_ms", second.ready_ms, "ms");
  Kill(second, SIGTERM);
  return 0;
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "usage: {} empty|after-kill MILLRACE PROJECT DATA_FOLDER\n", argv[0]);
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  const std::vector<std::string> command = {argv[2],  "run",   "--project",    argv[3],
                                            "--data", argv[4], "--no-schedule"};
  return std::string_view(argv[1]) == "empty" ? millrace::bench::Empty(command, argv[4])
                                              : millrace::bench::AfterKill(command);
}
