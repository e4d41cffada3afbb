#include "log/record_batch.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "io/clock.h"
#include "log/compression.h"

namespace millrace::log {
namespace {

using flow::OutRecord;

constexpr Codec kCodecs[] = {Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd};

std::string RandomText(io::Random& random, size_t size_max) {
  std::string text(random.Next() % (size_max + 1), '\0');
  // Half of it repeats, so that codecs find something to do.
  for (size_t i = 0; i < text.size(); ++i)
    text[i] = i % 2 == 0 ? 'a' : static_cast<char>(random.Next());
  return text;
}

OutRecord RandomRecord(io::Random& random) {
  OutRecord record;
  if (random.Next() % 4 != 0) record.key = RandomText(random, 40);
  if (random.Next() % 8 != 0)
    record.value = RandomText(random, random.Next() % 16 == 0 ? 9000 : 90);
  for (uint64_t n = random.Next() % 4; n > 0; --n)
    record.headers.push_back({RandomText(random, 9), RandomText(random, 20)});
  return record;
}

void ExpectSame(const OutRecord& written, const flow::RecordView& read) {
  ASSERT_EQ(written.key.has_value(), read.key != nullptr);
  EXPECT_EQ(written.key.value_or(""), read.key_view());
  ASSERT_EQ(written.value.has_value(), read.value != nullptr);
  EXPECT_EQ(written.value.value_or(""), read.value_view());
  EXPECT_EQ(written.headers, flow::DecodeHeaders(read.raw_headers).value());
}

Result<flow::RecordBlock> Decode(std::string_view bytes, DecodeLimits limits = {},
                                 Offset from = Offset(0), Offset to = Offset(INT64_MAX)) {
  flow::RecordBlock block;
  MR_TRY(DecodeBatch(bytes, nullptr, limits, from, to, block));
  return block;
}

std::string BatchOf(const std::vector<OutRecord>& records, Codec codec) {
  BatchBuilder builder(codec);
  for (const OutRecord& record : records) builder.Add(record);
  return builder.Finish({{ProducerId(7), ProducerEpoch(3)}, 11, true}).value();
}

class RecordBatchTest : public ::testing::TestWithParam<Codec> {};
INSTANTIATE_TEST_SUITE_P(Codecs, RecordBatchTest, ::testing::ValuesIn(kCodecs),
                         [](const auto& param) { return std::string(CodecName(param.param)); });

TEST_P(RecordBatchTest, RandomRecordsReadBack) {
  io::SeededRandom random(static_cast<uint64_t>(GetParam()) + 1);
  for (int round = 0; round < 60; ++round) {
    std::vector<OutRecord> records(1 + random.Next() % 200);
    for (OutRecord& record : records) record = RandomRecord(random);
    const std::string bytes = BatchOf(records, GetParam());
    const auto header = VerifyBatch(bytes, 8 << 20).value();
    EXPECT_EQ(header.record_count, std::ssize(records));
    EXPECT_EQ(header.producer_id, 7);
    EXPECT_EQ(header.base_sequence, 11);
    EXPECT_TRUE(header.transactional());
    const auto block = Decode(bytes).value();
    ASSERT_EQ(block.records.size(), records.size());
    for (size_t i = 0; i < records.size(); ++i) {
      EXPECT_EQ(block.records[i].offset, Offset(static_cast<int64_t>(i)));
      ExpectSame(records[i], block.records[i]);
    }
  }
}

TEST_P(RecordBatchTest, EveryFlippedBitIsFound) {
  io::SeededRandom random(5);
  std::vector<OutRecord> records(5);
  for (OutRecord& record : records) record = RandomRecord(random);
  const std::string good = BatchOf(records, GetParam());
  for (size_t byte = 8; byte < good.size(); ++byte) {
    if (byte >= 12 && byte < 16) continue;  // leader epoch: outside the checksum by definition
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[byte] = static_cast<char>(bad[byte] ^ (1 << bit));
      ASSERT_FALSE(VerifyBatch(bad, 8 << 20).has_value()) << byte << "." << bit;
    }
  }
}

TEST_P(RecordBatchTest, EveryCutIsFound) {
  io::SeededRandom random(6);
  std::vector<OutRecord> records(5);
  for (OutRecord& record : records) record = RandomRecord(random);
  const std::string good = BatchOf(records, GetParam());
  for (size_t size = 0; size < good.size(); ++size)
    ASSERT_FALSE(VerifyBatch(std::string_view(good).substr(0, size), 8 << 20)) << size;
}

// Behind the checksum too, nothing malformed gets through or harms: the body is changed and the
// checksum made right again.
TEST_P(RecordBatchTest, MalformedBodiesWithRightChecksumsDoNoHarm) {
  io::SeededRandom random(7);
  std::vector<OutRecord> records(20);
  for (OutRecord& record : records) record = RandomRecord(random);
  const std::string good = BatchOf(records, GetParam());
  for (int round = 0; round < 3000; ++round) {
    std::string bad = good;
    for (int flips = 0; flips < 3; ++flips) {
      const size_t at = 21 + random.Next() % (bad.size() - 21);
      bad[at] = static_cast<char>(random.Next());
    }
    SealBatch(bad.data(), bad.size());
    const auto block = Decode(bad, {8 << 20, 1 << 20});
    if (!block) continue;
    size_t sum = 0;
    for (const auto& record : block->records) {
      for (const char c : record.value_view()) sum += static_cast<uint8_t>(c);
    }
    EXPECT_GE(sum + 1, 1u);
  }
}

TEST_P(RecordBatchTest, BombStopsAtTheLimit) {
  const std::string bytes = BatchOf({{{}, std::string(8 << 20, 'a'), {}}}, GetParam());
  const auto block = Decode(bytes, {16 << 20, 1 << 20});
  ASSERT_FALSE(block.has_value());
  EXPECT_EQ(block.error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(Decode(bytes, {16 << 20, 9 << 20}).has_value());
}

TEST_P(RecordBatchTest, ValuesAreFollowedByReadablePadding) {
  const std::string bytes = BatchOf({{{}, "last", {}}}, GetParam());
  const auto block = Decode(bytes).value();
  volatile char sum = 0;
  for (size_t i = 0; i < flow::kReadPadding; ++i)
    sum = static_cast<char>(sum + block.records[0].value[block.records[0].value_size + i]);
}

TEST(RecordBatchRangeTest, OnlyTheOffsetsAskedFor) {
  std::vector<OutRecord> records(10, OutRecord{"k", "v", {}});
  std::string bytes = BatchOf(records, Codec::kLz4);
  StoreBig<int64_t>(bytes.data(), 100);  // the base offset is outside the checksum
  const auto block = Decode(bytes, {}, Offset(103), Offset(106)).value();
  ASSERT_EQ(block.records.size(), 3u);
  EXPECT_EQ(block.records[0].offset, Offset(103));
}

TEST(RecordBatchCountTest, HostileCountsDoNotAllocate) {
  std::string bytes = BatchOf({{{}, "v", {}}}, Codec::kNone);
  StoreBig<int32_t>(bytes.data() + 23, INT32_MAX - 1);
  StoreBig<int32_t>(bytes.data() + 57, INT32_MAX);
  SealBatch(bytes.data(), bytes.size());
  EXPECT_EQ(Decode(bytes).error().code, ErrorCode::kDamaged);
}

TEST(MarkerTest, DecisionReadsBack) {
  for (const bool commit : {true, false}) {
    const std::string bytes = BuildMarker({ProducerId(9), ProducerEpoch(2)}, commit);
    const auto header = VerifyBatch(bytes, 1 << 20).value();
    EXPECT_TRUE(header.control());
    EXPECT_EQ(header.producer_id, 9);
    EXPECT_EQ(MarkerDecision(header, bytes, {}).value(), std::optional(commit));
    EXPECT_TRUE(Decode(bytes)->records.empty());
  }
}

// What Kafka's Java client writes: lz4 blocks of 64 KiB without a content size; raw snappy is
// accepted beside the framed one.
TEST(ForeignCodecTest, RawSnappyAndSizelessFramesDecode) {
  const std::string text(200'000, 'z');
  std::string framed;
  ASSERT_TRUE(Compress(Codec::kSnappy, text, framed));
  EXPECT_EQ(framed.substr(0, 8), std::string("\x82SNAPPY\0", 8));
  EXPECT_EQ(Decompress(Codec::kSnappy, framed, 1 << 20)->view(), text);
  // One raw block: length 3 as a varint, then a literal of three bytes.
  EXPECT_EQ(Decompress(Codec::kSnappy, std::string_view("\x03\x08xyz"), 100)->view(), "xyz");
  // A frame of one uncompressed block: magic, FLG 0x60 (version 1, independent blocks), BD 0x40,
  // header checksum, size with the "uncompressed" bit, three bytes, end mark.
  const std::string lz4("\x04\x22\x4d\x18\x60\x40\x82\x03\x00\x00\x80xyz\x00\x00\x00\x00", 18);
  const auto decoded = Decompress(Codec::kLz4, lz4, 100);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(decoded->view(), "xyz");
}

TEST(SequenceTest, WrapsAfterTheLargest) {
  EXPECT_EQ(SequencePlus(INT32_MAX, 1), 0);
  EXPECT_EQ(SequencePlus(INT32_MAX - 1, 3), 1);
  EXPECT_EQ(SequencePlus(5, 2), 7);
}

}  // namespace
}  // namespace millrace::log
