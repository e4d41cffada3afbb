#include "io/process.h"

#include <array>
#include <cerrno>
#include <map>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;  // NOLINT: POSIX names it so

namespace millrace::io {
namespace {

constexpr size_t kLineBytesMax = 8192;

class Pipe {
 public:
  Status Open() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) return FailErrno(errno, "cannot make a pipe");
    return {};
  }
  ~Pipe() {
    CloseRead();
    CloseWrite();
  }
  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void CloseRead() { Close(ends_[0]); }
  void CloseWrite() { Close(ends_[1]); }

 private:
  static void Close(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
  std::array<int, 2> ends_ = {-1, -1};
};

// Cuts one stream into lines.
class LineCutter {
 public:
  LineCutter(bool is_error, const ProcessSpec& spec) : is_error_(is_error), spec_(spec) {}
  void Take(std::string_view bytes) {
    for (const char c : bytes) {
      if (c == '\n')
        Give();
      else if (line_.size() < kLineBytesMax)
        line_ += c;
    }
  }
  void End() {
    if (!line_.empty()) Give();
  }

 private:
  void Give() {
    if (spec_.on_line) spec_.on_line(is_error_, line_);
    line_.clear();
  }
  bool is_error_;
  const ProcessSpec& spec_;
  std::string line_;
};

std::vector<std::string> EnvironmentOf(const ProcessSpec& spec) {
  std::map<std::string, std::string> variables;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view entry(*at);
    const size_t equals = std::min(entry.find('='), entry.size());
    variables[std::string(entry.substr(0, equals))] =
        std::string(entry.substr(std::min(equals + 1, entry.size())));
  }
  for (const auto& [name, value] : spec.environment) variables[name] = value;
  std::vector<std::string> entries;
  for (const auto& [name, value] : variables) entries.push_back(name + "=" + value);
  return entries;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// In a process group of its own, so that a cancel reaches its children too.
Result<pid_t> Spawn(const ProcessSpec& spec, Pipe& out, Pipe& err) {
  std::vector<std::string> argv = spec.argv;
  std::vector<std::string> environment = EnvironmentOf(spec);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.write_end(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.write_end(), STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0].c_str(), &actions, &attributes,
                                   Pointers(argv).data(), Pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return FailErrno(error, "cannot start " + spec.argv[0]);
  return pid;
}

// Reads both pipes until both end; tells the group to end when cancelled.
void Pump(const ProcessSpec& spec, pid_t pid, Pipe& out, Pipe& err, bool& told) {
  LineCutter cutters[] = {{false, spec}, {true, spec}};
  pollfd polled[] = {{out.read_end(), POLLIN, 0}, {err.read_end(), POLLIN, 0}};
  auto kill_at = std::chrono::steady_clock::time_point::max();
  while (polled[0].fd >= 0 || polled[1].fd >= 0) {
    ::poll(polled, 2, 50);
    const auto now = std::chrono::steady_clock::now();
    if (!told && spec.cancel != nullptr && spec.cancel->cancelled()) {
      ::kill(-pid, SIGTERM);
      told = true;
      kill_at = now + spec.kill_after;
    }
    if (now >= kill_at) {
      ::kill(-pid, SIGKILL);
      kill_at = std::chrono::steady_clock::time_point::max();
    }
    for (int i = 0; i < 2; ++i) {
      if (polled[i].fd < 0 || polled[i].revents == 0) continue;
      char buffer[4096];
      const ssize_t read = ::read(polled[i].fd, buffer, sizeof(buffer));
      if (read > 0) {
        cutters[i].Take({buffer, static_cast<size_t>(read)});
      } else if (read == 0 || errno != EINTR) {
        cutters[i].End();
        polled[i].fd = -1;
      }
    }
  }
}

}  // namespace

Result<int> RunProcess(const ProcessSpec& spec) {
  if (spec.argv.empty()) return Fail(ErrorCode::kInvalidArgument, "no program to run");
  Pipe out;
  Pipe err;
  MR_TRY(out.Open());
  MR_TRY(err.Open());
  MR_ASSIGN(const pid_t pid, Spawn(spec, out, err));
  out.CloseWrite();
  err.CloseWrite();
  bool told = false;
  Pump(spec, pid, out, err, told);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (told) return Fail(ErrorCode::kCancelled, "{} was told to end", spec.argv[0]);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace millrace::io
