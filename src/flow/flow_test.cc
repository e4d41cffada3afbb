#include <gtest/gtest.h>

#include "base/bytes.h"
#include "flow/dead_letter.h"
#include "flow/epoch.h"

namespace millrace::flow {
namespace {

EpochIntent SomeIntent() {
  EpochIntent intent{"created_users", EpochId(7), 0x1234, TimestampUs(99), 42, -5, {}};
  for (int32_t p = 0; p < 3; ++p) {
    intent.ranges.push_back({{{"users_raw", PartitionId(p)},
                              Offset(100 * p),
                              1700000000000000 + p,
                              Position::kNoWatermark,
                              p == 1},
                             Offset(100 * p + 50)});
  }
  intent.lookups = {{"countries", 0xfeed}, {"users.by_id", 0}};
  return intent;
}

TEST(EpochTest, IntentReadsBack) {
  const EpochIntent intent = SomeIntent();
  const std::string bytes = EncodeIntent(intent);
  EXPECT_EQ(DecodeIntent(bytes).value(), intent);
}

TEST(EpochTest, EveryCutIntentIsDamaged) {
  const std::string bytes = EncodeIntent(SomeIntent());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto cut = DecodeIntent(std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(cut.has_value()) << size;
    EXPECT_EQ(cut.error().code, ErrorCode::kDamaged);
  }
}

TEST(EpochTest, ProgressReadsBack) {
  Progress progress{EpochId(9), 5, 17, {SomeIntent().ranges[1].start}};
  EXPECT_EQ(DecodeProgress(EncodeProgress(progress)).value(), progress);
}

std::string RawHeaders(const std::vector<Header>& headers) {
  std::string raw;
  AppendSignedVarint(raw, static_cast<int64_t>(headers.size()));
  for (const Header& header : headers) {
    AppendSignedVarint(raw, static_cast<int64_t>(header.key.size()));
    raw += header.key;
    AppendSignedVarint(raw, static_cast<int64_t>(header.value.size()));
    raw += header.value;
  }
  return raw;
}

TEST(DeadLetterTest, AnAddresseeIsFoundAmongHeaders) {
  const auto addressee = [](const std::string& raw) {
    RecordView view;
    view.raw_headers = raw;
    return std::string(AddresseeOf(view));
  };
  const std::string key(kReplayQueryHeader);
  EXPECT_EQ(addressee(""), "");
  EXPECT_EQ(addressee(RawHeaders({})), "");
  EXPECT_EQ(addressee(RawHeaders({{"trace-id-of-a-request", "0123456789abcdef"}})), "");
  EXPECT_EQ(addressee(RawHeaders({{key, "q"}})), "q");
  const std::string raw = RawHeaders({{"a", ""}, {key, "q"}, {"b", "c"}});
  EXPECT_EQ(addressee(raw), "q");
  for (size_t size = 0; size < raw.size(); ++size) {
    const std::string found = addressee(raw.substr(0, size));
    EXPECT_TRUE(found.empty() || found == "q") << size;
  }
}

TEST(DeadLetterTest, ReadsBack) {
  const DeadLetter letter{{"users_raw", PartitionId(2), Offset(1041), 3},
                          "created_users",
                          "expect",
                          "EXPECT_email",
                          "email is missing",
                          EpochId(4),
                          "key",
                          std::nullopt};
  const OutRecord record = EncodeDeadLetter(letter);
  const std::string raw = RawHeaders(record.headers);
  RecordView view;
  view.key = record.key->data();
  view.key_size = static_cast<uint32_t>(record.key->size());
  view.raw_headers = raw;
  const auto back = DecodeDeadLetter(view);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(ToString(back->origin), "users_raw/2@1041");
  EXPECT_EQ(back->origin.ordinal, 3);
  EXPECT_EQ(back->condition, "EXPECT_email");
  EXPECT_EQ(back->key, "key");
  EXPECT_FALSE(back->value.has_value());
}

}  // namespace
}  // namespace millrace::flow
