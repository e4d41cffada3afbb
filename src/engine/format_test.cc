#include "engine/format.h"

#include <gtest/gtest.h>

namespace millrace::engine {
namespace {

using data::Batch;
using data::DataType;
using data::Field;
using data::Schema;
using data::Value;

std::string Format(OutputFormat format) {
  const Schema schema{{Field("name", DataType::String()), Field("n", DataType::Int())}};
  const std::vector<Value> names = {Value::String("漢字"), Value::String("a\x1b[31m,\n"),
                                    Value::Null()};
  const std::vector<Value> numbers = {Value::Int(-1), Value::Null(), Value::Int(1234)};
  const Batch batch{.schema = std::make_shared<const Schema>(schema),
                    .columns = {data::ColumnFromValues(DataType::String(), names),
                                data::ColumnFromValues(DataType::Int(), numbers)},
                    .rows = 3};
  const auto formatter = ResultFormatter::Make(format, schema, TimeZone::Utc());
  std::string out;
  formatter->Add(batch, out);
  formatter->Finish(out);
  return out;
}

TEST(FormatTest, TablesAlignAndDisarmControls) {
  EXPECT_EQ(Format(OutputFormat::kTable),
            "name         |    n\n"
            "-------------+-----\n"
            "漢字         |   -1\n"
            "a\\x1b[31m,\\n | NULL\n"
            "NULL         | 1234\n"
            "(3 rows)\n");
}

TEST(FormatTest, CsvAndJsonKeepValues) {
  EXPECT_EQ(Format(OutputFormat::kCsv), "name,n\r\n漢字,-1\r\n\"a\x1b[31m,\n\",\r\n,1234\r\n");
  EXPECT_EQ(Format(OutputFormat::kJson),
            "{\"name\":\"漢字\",\"n\":-1}\n{\"name\":\"a\\u001b[31m,\\n\",\"n\":null}\n"
            "{\"name\":null,\"n\":1234}\n");
}

TEST(FormatTest, WidthsInCells) {
  EXPECT_EQ(DisplayWidth("abc"), 3u);
  EXPECT_EQ(DisplayWidth("e\u0301"), 1u);
  EXPECT_EQ(DisplayWidth("한글😀"), 6u);
  EXPECT_EQ(DisplayWidth("\xff"), 1u);
}

}  // namespace
}  // namespace millrace::engine
