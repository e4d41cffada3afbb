#include "data/csv_reader.h"

#include <random>

#include <gtest/gtest.h>

namespace millrace::data {
namespace {

std::string ReadAll(std::string_view text, const Schema& schema) {
  auto reader = CsvReader::Make(text, schema, {});
  if (!reader) return reader.error().message;
  std::string rows;
  while (true) {
    auto batch = (*reader)->Next(2);
    if (!batch) return batch.error().message;
    if (batch->rows == 0) return rows;
    for (size_t row = 0; row < batch->rows; ++row) {
      for (size_t i = 0; i < batch->columns.size(); ++i)
        rows += FormatValue(*schema.fields[i].type, batch->columns[i]->ValueAt(row)) + '|';
      rows += '\n';
    }
  }
}

TEST(CsvReaderTest, ColumnsByNameAndType) {
  const Schema schema{{Field("Code", DataType::Int()), Field("name", DataType::String()),
                       Field("since", DataType::Date())}};
  EXPECT_EQ(ReadAll("\xef\xbb\xbfname,extra, CODE ,since\r\n\"a,\"\"b\"\"\nc\",x, 7 ,2024-02-29\r\n"
                    "\"\",,,\n,x,-1,1970-1-1",
                    schema),
            "7|a,\"b\"\nc|2024-02-29|\nNULL||NULL|\n-1|NULL|1970-01-01|\n");
}

TEST(CsvReaderTest, MistakesNameTheirLine) {
  const Schema schema{{Field("n", DataType::Tinyint())}};
  EXPECT_EQ(ReadAll("n\n1\n\"2\"\nx\n", schema), "line 4: column n: 'x' is not a TINYINT");
  EXPECT_EQ(ReadAll("n,m\n1,\"a\nb\"\n2\n", schema), "line 4: 1 fields, the header has 2");
  EXPECT_EQ(ReadAll("n\n\"1", schema), "line 2: a quote is not closed");
  EXPECT_EQ(ReadAll("n\n\"1\"x\n", schema), "line 2: something stands behind a closing quote");
  EXPECT_EQ(ReadAll("a,b\n", schema), "the header has no column 'n', it has: a, b");
  EXPECT_EQ(ReadAll("n,N\n", schema), "the header names 'N' twice");
  EXPECT_EQ(ReadAll("", schema), "the file has no header line");
  EXPECT_EQ(
      CsvReader::Make("a\n", {{Field("a", DataType::Array(DataType::Int()))}}, {}).error().code,
      ErrorCode::kUnsupported);
}

// What AppendCsvField writes, the reader reads back.
TEST(CsvReaderTest, WrittenFieldsComeBack) {
  std::mt19937 random(3);
  const Schema schema{{Field("a", DataType::String()), Field("b", DataType::String())}};
  for (int round = 0; round < 500; ++round) {
    std::string text = "a,b\n";
    std::string wanted;
    for (int row = 0; row < 4; ++row) {
      for (int column = 0; column < 2; ++column) {
        std::string value;
        for (size_t i = random() % 5; i > 0; --i) value += "ab\",\n\r 1"[random() % 8];
        const bool null = random() % 5 == 0;
        AppendCsvField(value, null, ',', text);
        if (column == 0) text += ',';
        wanted += (null ? "NULL" : value) + '|';
      }
      text += "\r\n";
      wanted += '\n';
    }
    // A record of two NULLs is a line with a comma, so no row is lost.
    ASSERT_EQ(ReadAll(text, schema), wanted) << text;
  }
}

}  // namespace
}  // namespace millrace::data
