#include "cli/open_workspace.h"

#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include "io/clock.h"

namespace millrace::cli {
namespace {

using std::chrono::milliseconds;

class OpenWorkspaceTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "millrace_open_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    project_.data_folder = pattern + "/data";
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<pipeline::Workspace> Hold() {
    return pipeline::Workspace::Open(project_, io::PosixFileSystem(), io::SystemClock(), {})
        .value();
  }

  std::string folder_;
  pipeline::Project project_;
};

TEST_F(OpenWorkspaceTest, WaitsForAFolderThatAnotherHasForAMoment) {
  auto held = Hold();
  std::thread other([&held] {
    std::this_thread::sleep_for(milliseconds(200));
    held.reset();
  });
  const auto opened = OpenWorkspace(project_, {}, {});
  other.join();
  EXPECT_TRUE(opened) << opened.error().ToString();
}

TEST_F(OpenWorkspaceTest, SaysWhatItWaitsForAndGivesUp) {
  const auto held = Hold();
  testing::internal::CaptureStderr();
  const auto opened =
      OpenWorkspace(project_, {}, {.limit = milliseconds(150), .told_after = milliseconds(50)});
  const std::string told = testing::internal::GetCapturedStderr();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(opened.error().message.find("is held by process"), std::string::npos);
  EXPECT_NE(told.find("; waiting up to 0 s for it\n"), std::string::npos) << told;
  EXPECT_EQ(told.find("waiting"), told.rfind("waiting"));
}

TEST_F(OpenWorkspaceTest, DoesNotWaitForAPipelineThatRuns) {
  const auto held = Hold();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(OpenWorkspace(project_, {}, {.is_pointless = [] { return true; }}));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

}  // namespace
}  // namespace millrace::cli
