// Any text as a project file, with files of SQL, CQL and CSV beside it that it may name: it is
// loaded or refused, every mistake has its place, and neither hangs nor grows without bound.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "io/sim_file_system.h"
#include "pipeline/project.h"

namespace millrace::pipeline {
namespace {

// Made once: loading a project writes nothing.
io::SimFileSystem& Folder() {
  static io::SimFileSystem& folder = *[] {
    auto* files = new io::SimFileSystem();
    const auto write = [&](const char* path, std::string_view text) {
      MR_CHECK(io::WriteFileAtomically(*files, path, text).has_value(), "no fault is planned");
    };
    write("s.sql", "id STRING, n BIGINT, at TIMESTAMP");
    write("q.sql", "SELECT id, n FROM STREAM(t)");
    write("t.cql",
          "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', "
          "'replication_factor': 1};\n"
          "CREATE TABLE k.t (id text PRIMARY KEY, n bigint);");
    write("c.csv", "id,name\n1,a\n");
    return files;
  }();
  return folder;
}

}  // namespace
}  // namespace millrace::pipeline

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millrace;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  io::SimFileSystem& files = pipeline::Folder();
  files.Restart(io::SimFileSystem::Loss::kNothing);  // forgets the history
  MR_CHECK(io::WriteFileAtomically(files, "p.yaml", text).has_value(), "no fault is planned");
  pipeline::LoadOptions options;
  options.environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "SET") return "x: [1, ${SET}]";
    return std::nullopt;
  };
  options.now = TimestampUs(1'775'000'000'000'000);
  pipeline::Problems problems;
  const auto project = pipeline::LoadProject(files, "p.yaml", options, problems);
  bool failed = false;
  for (const pipeline::Problem& problem : problems) {
    MR_CHECK(!problem.message.empty() && !problem.file.empty(), "a mistake says what and where");
    MR_CHECK(problem.where.line >= 1 && problem.where.column >= 1, "places count from 1");
    failed = failed || !problem.is_warning;
  }
  MR_CHECK(project.has_value() == !failed, "a project, or the reasons why not");
  return 0;
}
