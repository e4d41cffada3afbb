#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "engine/stream/intent_log.h"

namespace millrace::engine {
namespace {

// The bytes of the first ```hex block of docs/formats/epoch.md.
std::string DocumentedBytes() {
  std::ifstream file(MILLRACE_SOURCE_DIR "/docs/formats/epoch.md");
  std::string line;
  std::string bytes;
  bool inside = false;
  while (std::getline(file, line)) {
    if (line == "```hex") {
      inside = true;
    } else if (inside && line == "```") {
      break;
    } else if (inside) {
      std::istringstream words(line);
      for (std::string word; words >> word;)
        bytes.push_back(static_cast<char>(std::stoi(word, nullptr, 16)));
    }
  }
  return bytes;
}

TEST(IntentRecordTest, TheDocumentedExampleIsWhatTheTextSays) {
  const std::string bytes = DocumentedBytes();
  const auto record = DecodeIntentRecord(bytes);
  ASSERT_TRUE(record.has_value()) << record.error().ToString();
  ASSERT_EQ(record->kind, IntentRecord::Kind::kIntent);
  const flow::EpochIntent& intent = record->intent;
  EXPECT_EQ(intent.query, "created_users");
  EXPECT_EQ(intent.epoch, EpochId(7));
  ASSERT_EQ(intent.ranges.size(), 1u);
  EXPECT_EQ(intent.ranges[0].start.at.topic, "users_raw");
  EXPECT_EQ(intent.ranges[0].start.next, Offset(1000));
  EXPECT_EQ(intent.ranges[0].end, Offset(1050));
  ASSERT_EQ(intent.lookups.size(), 1u);
  EXPECT_EQ(intent.lookups[0].relation, "countries");
  EXPECT_EQ(EncodeIntentRecord(*record), bytes);
}

TEST(IntentRecordTest, EveryKindReadsBackAndEveryCutIsDamage) {
  IntentRecord definition;
  definition.kind = IntentRecord::Kind::kDefinition;
  definition.definition = {"q", 77, "SELECT 1"};
  IntentRecord drop;
  drop.kind = IntentRecord::Kind::kDrop;
  drop.query = "q";
  for (const IntentRecord& record : {definition, drop}) {
    const std::string bytes = EncodeIntentRecord(record);
    const auto back = DecodeIntentRecord(bytes);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->kind, record.kind);
    EXPECT_EQ(back->definition, record.definition);
    EXPECT_EQ(back->query, record.query);
    for (size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(DecodeIntentRecord(std::string_view(bytes).substr(0, size)).has_value());
    EXPECT_FALSE(DecodeIntentRecord(bytes + "x").has_value());
  }
}

}  // namespace
}  // namespace millrace::engine
