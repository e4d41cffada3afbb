#include "io/process_usage.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

namespace millrace::io {
namespace {

std::string ReadProc(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

int64_t Number(std::string_view text) {
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// The fields of /proc/self/stat from number 3 (state) on: the name before them may hold anything.
std::vector<std::string_view> StatFields(std::string_view stat) {
  std::vector<std::string_view> fields;
  stat.remove_prefix(std::min(stat.rfind(')') + 2, stat.size()));
  while (!stat.empty()) {
    const size_t end = std::min(stat.find_first_of(" \n"), stat.size());
    fields.push_back(stat.substr(0, end));
    stat.remove_prefix(std::min(end + 1, stat.size()));
  }
  return fields;
}

double BootTimeSeconds() {
  const std::string stat = ReadProc("/proc/stat");
  const size_t at = stat.find("btime ");
  return at == std::string::npos
             ? 0
             : static_cast<double>(Number(std::string_view(stat).substr(at + 6)));
}

int64_t CountOpenFiles() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  // One of them is the listing's own.
  return error ? 0 : std::distance(begin(files), end(files)) - 1;
}

}  // namespace

ProcessUsage ReadProcessUsage() {
  constexpr size_t kThreads = 17;   // field 20
  constexpr size_t kStart = 19;     // field 22, in clock ticks after boot
  constexpr size_t kVirtual = 20;   // field 23
  constexpr size_t kResident = 21;  // field 24, in pages
  ProcessUsage usage;
  const std::string stat = ReadProc("/proc/self/stat");
  const std::vector<std::string_view> fields = StatFields(stat);
  if (fields.size() > kResident) {
    usage.threads = Number(fields[kThreads]);
    usage.virtual_bytes = static_cast<uint64_t>(Number(fields[kVirtual]));
    usage.resident_bytes =
        static_cast<uint64_t>(Number(fields[kResident]) * ::sysconf(_SC_PAGESIZE));
    static const double boot = BootTimeSeconds();
    usage.start_time_seconds = boot + static_cast<double>(Number(fields[kStart])) /
                                          static_cast<double>(::sysconf(_SC_CLK_TCK));
  }
  rusage times{};
  ::getrusage(RUSAGE_SELF, &times);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  usage.cpu_seconds = seconds(times.ru_utime) + seconds(times.ru_stime);
  usage.open_files = CountOpenFiles();
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0)
    usage.open_files_max = static_cast<int64_t>(files.rlim_cur);
  return usage;
}

}  // namespace millrace::io
