// Runs testdata/*.test: queries with the plan or the errors they must give.
//
//   === what the case shows [options]     options: stream, legacy, expr (one expression), ddl
//   SELECT 1
//   ---
//   Project 1 AS 1
//     Values ()
//
// Lines that start with # before the first case are comments. With MILLRACE_UPDATE_GOLDEN set the
// files are rewritten with what the code gives; read the difference before you commit it.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sql/plan.h"
#include "sql/testing_catalog.h"

namespace millrace::sql {
namespace {

struct GoldenCase {
  std::string title;
  std::string text;
  std::string expected;
};

std::vector<GoldenCase> ReadCases(const std::filesystem::path& path, std::string& preamble) {
  std::ifstream in(path);
  std::vector<GoldenCase> cases;
  bool in_expected = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("=== ")) {
      cases.push_back({line.substr(4), {}, {}});
      in_expected = false;
    } else if (cases.empty()) {
      preamble += line + "\n";
    } else if (line == "---") {
      in_expected = true;
    } else {
      (in_expected ? cases.back().expected : cases.back().text) += line + "\n";
    }
  }
  return cases;
}

bool HasOption(const GoldenCase& golden, std::string_view option) {
  return golden.title.find(fmt::format("[{}]", option)) != std::string::npos;
}

std::string Listed(const std::vector<Diagnostic>& errors) {
  std::string text;
  for (const Diagnostic& error : errors) text += ToString(error, "q") + "\n";
  return text;
}

std::string Evaluate(const GoldenCase& golden) {
  const TestingCatalog catalog;
  BindOptions options;
  options.streaming = HasOption(golden, "stream");
  options.ansi = !HasOption(golden, "legacy");
  if (HasOption(golden, "ddl")) {
    const ParsedSchema parsed = ParseSchemaDdl(golden.text);
    if (!parsed.errors.empty()) return Listed(parsed.errors);
    std::string text;
    for (const data::Field& field : parsed.schema.fields) {
      text += fmt::format("{} {}{}\n", field.name, field.type->ToDdl(),
                          field.nullable ? "" : " NOT NULL");
    }
    return text;
  }
  if (HasOption(golden, "expr")) {
    const BoundExpr bound = BindExpression(golden.text, catalog.Find("clicks")->schema, options);
    if (!bound.errors.empty()) return Listed(bound.errors);
    return fmt::format("{} : {}{}\n", ToString(*bound.expr), bound.expr->type.ToDdl(),
                       bound.expr->nullable ? "" : " NOT NULL");
  }
  const BoundQuery bound = BindQuery(golden.text, catalog, options);
  if (!bound.errors.empty()) return Listed(bound.errors);
  return ToString(*bound.plan);
}

void RunFile(const std::filesystem::path& path) {
  std::string preamble;
  std::vector<GoldenCase> cases = ReadCases(path, preamble);
  ASSERT_FALSE(cases.empty()) << path;
  const bool update = std::getenv("MILLRACE_UPDATE_GOLDEN") != nullptr;
  std::string rewritten = preamble;
  for (GoldenCase& golden : cases) {
    const std::string got = Evaluate(golden);
    std::string wanted = golden.expected;
    while (wanted.ends_with("\n\n")) wanted.pop_back();
    if (!update) {
      EXPECT_EQ(got, wanted) << path.filename() << ": " << golden.title << "\n" << golden.text;
    }
    rewritten += fmt::format("=== {}\n{}---\n{}\n", golden.title, golden.text, got);
  }
  if (update) std::ofstream(path) << rewritten;
}

TEST(GoldenTest, EveryFileGivesWhatItSays) {
  std::vector<std::filesystem::path> files;
  const std::filesystem::path folder = std::filesystem::path(MILLRACE_MODULE_DIR) / "testdata";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".test") files.push_back(entry.path());
  }
  ASSERT_FALSE(files.empty());
  std::ranges::sort(files);
  for (const auto& file : files) RunFile(file);
}

// The example's own queries bind without an error, and read only what they use.
TEST(GoldenTest, TheExampleBinds) {
  const std::filesystem::path folder =
      std::filesystem::path(MILLRACE_MODULE_DIR) / "testdata" / "created_users.sql";
  std::ifstream in(folder);
  std::stringstream text;
  text << in.rdbuf();
  BindOptions options;
  options.streaming = true;
  const BoundQuery bound = BindQuery(text.str(), TestingCatalog(), options);
  ASSERT_TRUE(bound.errors.empty()) << Listed(bound.errors);
  const Plan* scan = bound.plan.get();
  while (scan->kind != PlanKind::kScan) scan = scan->inputs[0].get();
  EXPECT_LT(scan->schema.IndexOf("nat"), 0);
  EXPECT_LT(scan->schema.IndexOf("gender"), 0);
  const int name = scan->schema.IndexOf("name");
  ASSERT_GE(name, 0);
  EXPECT_EQ(scan->schema.fields[static_cast<size_t>(name)].type->ToDdl(),
            "STRUCT<first: STRING, last: STRING>");
}

}  // namespace
}  // namespace millrace::sql
