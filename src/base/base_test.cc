#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/hash.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/uuid.h"

namespace millrace {
namespace {

TEST(Crc32cTest, KnownAnswers) {  // RFC 3720 B.4
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
}

TEST(Crc32cTest, AnySplitGivesTheSame) {
  std::string bytes;
  for (int i = 0; i < 10000; ++i) bytes.push_back(static_cast<char>(i * 131 + i / 7));
  const uint32_t whole = Crc32c(bytes);
  uint32_t bytewise = 0;
  for (const char c : bytes) bytewise = Crc32c(std::string_view(&c, 1), bytewise);
  EXPECT_EQ(bytewise, whole);
  for (size_t cut :
       {size_t{1}, size_t{3071}, size_t{3072}, size_t{3073}, size_t{9216}, size_t{9999}}) {
    EXPECT_EQ(
        Crc32c(std::string_view(bytes).substr(cut), Crc32c(std::string_view(bytes).substr(0, cut))),
        whole);
  }
}

TEST(HashTest, CassandraTokens) {  // as `SELECT token(k)` of Cassandra answers for text keys
  EXPECT_EQ(CassandraToken("a"), -8839064797231613815LL);
  EXPECT_EQ(CassandraToken("test"), -6017608668500074083LL);
}

TEST(HashTest, KafkaPartitions) {  // Kafka's own UtilsTest values of murmur2: "21" -> -973932308,
                                   // "foobar" -> -790332482
  EXPECT_EQ(KafkaPartitionOf("21", 1 << 30), (-973932308 & 0x7fffffff) % (1 << 30));
  EXPECT_EQ(KafkaPartitionOf("foobar", 1 << 30), (-790332482 & 0x7fffffff) % (1 << 30));
}

TEST(UuidTest, ParsesAndPrints) {
  const auto uuid = Uuid::Parse("0C6A2b6e-3f4f-4a34-9a6d-1f2e3d4c5b6a");
  ASSERT_TRUE(uuid.has_value());
  EXPECT_EQ(uuid->ToString(), "0c6a2b6e-3f4f-4a34-9a6d-1f2e3d4c5b6a");
  EXPECT_FALSE(Uuid::Parse("0c6a2b6e-3f4f-4a34-9a6d-1f2e3d4c5b6").has_value());
  EXPECT_FALSE(Uuid::Parse("0c6a2b6e-3f4f-4a34-9a6d-1f2e3d4c5b6g").has_value());
  EXPECT_FALSE(Uuid::Parse("0c6a2b6e03f4f-4a34-9a6d-1f2e3d4c5b6a").has_value());
}

TEST(BytesTest, ReaderStopsAtTheEnd) {
  std::string bytes;
  AppendBig<int32_t>(bytes, -7);
  AppendSignedVarint(bytes, -300);
  ByteReader reader(bytes);
  EXPECT_EQ(reader.Big<int32_t>(), -7);
  EXPECT_EQ(reader.SignedVarint(), -300);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.Big<int64_t>(), 0);
  EXPECT_FALSE(reader.ok());
  ByteReader hostile("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
  hostile.Varint();
  EXPECT_FALSE(hostile.ok());
}

TEST(BytesTest, VarintSizes) {
  for (uint64_t value : {uint64_t{0}, uint64_t{127}, uint64_t{128}, uint64_t{16383},
                         uint64_t{16384}, ~uint64_t{0}}) {
    std::string bytes;
    AppendVarint(bytes, value);
    EXPECT_EQ(bytes.size(), VarintSize(value));
    EXPECT_EQ(ByteReader(bytes).Varint(), value);
  }
}

TEST(SecretTest, NeverPrints) { EXPECT_EQ(fmt::format("{}", Secret("hunter2")), "***"); }

Result<int> Half(int n) {
  if (n % 2 != 0) return Fail(ErrorCode::kInvalidArgument, "{} is odd", n);
  return n / 2;
}
Result<int> Quarter(int n) {
  MR_ASSIGN(const int half, Half(n));
  return Half(half);
}

TEST(ResultTest, ErrorsTravelUp) {
  EXPECT_EQ(Quarter(12).value(), 3);
  EXPECT_EQ(Quarter(6).error().message, "3 is odd");
  EXPECT_EQ(ExitCodeFor(Quarter(6).error().code), 2);
}

TEST(Base64, KnownAnswersAndRoundTrips) {  // RFC 4648 10
  EXPECT_EQ(EncodeBase64(""), "");
  EXPECT_EQ(EncodeBase64("f"), "Zg==");
  EXPECT_EQ(EncodeBase64("fo"), "Zm8=");
  EXPECT_EQ(EncodeBase64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(EncodeBase64("\xfb\xff"), "+/8=");
  EXPECT_EQ(EncodeBase64Url("\xfb\xff"), "-_8");
  EXPECT_EQ(DecodeBase64("Zm8="), "fo");
  EXPECT_EQ(DecodeBase64("Zm8"), "fo");
  EXPECT_EQ(DecodeBase64("Z"), std::nullopt);
  EXPECT_EQ(DecodeBase64("Zm 8="), std::nullopt);
  EXPECT_EQ(DecodeBase64("-_8"), std::nullopt);
  EXPECT_EQ(DecodeBase64Url("-_8"), "\xfb\xff");
}

}  // namespace
}  // namespace millrace
