// The committed reference page is the table's: with MILLRACE_UPDATE_GOLDEN set it is rewritten.
#include "sql/functions/reference.h"

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "sql/function.h"

namespace millrace::sql {
namespace {

TEST(FunctionsReferenceTest, CommittedPageIsCurrent) {
  const std::string path = std::string(MILLRACE_SOURCE_DIR) + "/docs/reference/functions.md";
  if (std::getenv("MILLRACE_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << FunctionsReference();
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_TRUE(text.str() == FunctionsReference())
      << path << " is old: run sql_test with MILLRACE_UPDATE_GOLDEN=1";
}

TEST(FunctionsReferenceTest, NamesAreFoundIgnoringCase) {
  ASSERT_NE(FindFunction("UPPER"), nullptr);
  EXPECT_EQ(FindFunction("UCase"), FindFunction("upper"));
  EXPECT_EQ(FindFunction("no_such_function"), nullptr);
  EXPECT_GE(AllFunctions().size(), 220u);
  for (const FunctionDef* def : AllFunctions()) EXPECT_EQ(FindFunction(def->name), def);
}

TEST(FunctionsReferenceTest, ArgumentsAreChecked) {
  const std::vector<Argument> none;
  const auto too_few = FindFunction("upper")->resolve(none);
  ASSERT_FALSE(too_few);
  EXPECT_EQ(too_few.error().message, "upper: needs 1 arguments, got 0");
  const std::vector<Argument> map = {
      {.type = data::DataType::Map(data::DataType::Int(), data::DataType::Int()), .name = {}}};
  const auto wrong = FindFunction("upper")->resolve(map);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "upper: argument 1 must be STRING, is MAP<INT, INT>");
}

}  // namespace
}  // namespace millrace::sql
