#include "io/process.h"

#include <algorithm>
#include <thread>

#include <gtest/gtest.h>

namespace millrace::io {
namespace {

TEST(ProcessTest, GivesLinesAndExitCode) {
  std::vector<std::string> lines;
  ProcessSpec spec;
  spec.argv = {"sh", "-c", "echo one; echo two >&2; printf $WORD; exit 3"};
  spec.environment = {{"WORD", "three"}};
  spec.on_line = [&](bool is_error, std::string_view line) {
    lines.push_back((is_error ? "!" : "") + std::string(line));
  };
  EXPECT_EQ(RunProcess(spec).value(), 3);
  std::ranges::sort(lines);
  EXPECT_EQ(lines, (std::vector<std::string>{"!two", "one", "three"}));
}

TEST(ProcessTest, SaysWhatIsNotThere) {
  ProcessSpec spec;
  spec.argv = {"no-such-program-here"};
  EXPECT_EQ(RunProcess(spec).error().code, ErrorCode::kNotFound);
}

TEST(ProcessTest, EndsTheWholeGroupWhenCancelled) {
  CancelToken cancel;
  ProcessSpec spec;
  spec.argv = {"sh", "-c", "trap '' TERM; sleep 60 & sleep 60"};
  spec.cancel = &cancel;
  spec.kill_after = std::chrono::milliseconds(200);
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    cancel.Cancel();
  });
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(RunProcess(spec).error().code, ErrorCode::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  stopper.join();
}

}  // namespace
}  // namespace millrace::io
