// The example in docs/formats/log-segment.md is a batch that this code writes and reads.
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "log/record_batch.h"

namespace millrace::log {
namespace {

std::string ExampleOf(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  const std::string all = text.str();
  const size_t begin = all.find("```hex\n") + 7;
  std::string digits;
  for (const char c : all.substr(begin, all.find("```", begin) - begin)) {
    if (c != ' ' && c != '\n') digits += c;
  }
  std::string bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return bytes;
}

TEST(FormatTest, DocumentedBatchIsWhatWeWriteAndRead) {
  const std::string example =
      ExampleOf(std::string(MILLRACE_SOURCE_DIR) + "/docs/formats/log-segment.md");
  BatchBuilder builder(Codec::kNone);
  builder.Add(flow::OutRecord{"k", "v", {}});
  BatchHeader header;
  header.base_offset = Offset(5);
  header.attributes = BatchHeader::kLogAppendTime;
  header.base_timestamp = header.max_timestamp = 1'700'000'000'000;
  const std::string written = builder.FinishAs(header).value();
  std::string hex;
  for (const char c : written) hex += fmt::format("{:02x}", static_cast<uint8_t>(c));
  EXPECT_EQ(example, written) << hex;
  flow::RecordBlock block;
  ASSERT_TRUE(DecodeBatch(example, nullptr, {}, Offset(0), Offset(9), block));
  EXPECT_EQ(block.records.at(0).offset, Offset(5));
  EXPECT_EQ(block.records.at(0).key_view(), "k");
  EXPECT_EQ(block.records.at(0).timestamp, TimestampMs(1'700'000'000'000));
}

}  // namespace
}  // namespace millrace::log
