#include "flow/epoch.h"

#include "base/bytes.h"

namespace millrace::flow {
namespace {

constexpr char kIntentVersion = 1;
constexpr char kProgressVersion = 1;

void AppendText(std::string& to, std::string_view text) {
  AppendVarint(to, text.size());
  to += text;
}

void AppendPosition(std::string& to, const Position& position) {
  AppendText(to, position.at.topic);
  AppendSignedVarint(to, position.at.partition.value);
  AppendSignedVarint(to, position.next.value);
  AppendLittle(to, position.last_write_us);
  AppendLittle(to, position.watermark_us);
  to.push_back(position.idle ? 1 : 0);
}

Position ReadPosition(ByteReader& reader) {
  Position position;
  position.at.topic = reader.Bytes(reader.Varint());
  position.at.partition = PartitionId(static_cast<int32_t>(reader.SignedVarint()));
  position.next = Offset(reader.SignedVarint());
  position.last_write_us = reader.Little<int64_t>();
  position.watermark_us = reader.Little<int64_t>();
  position.idle = reader.Little<uint8_t>() != 0;
  return position;
}

}  // namespace

std::string EncodeIntent(const EpochIntent& intent) {
  std::string bytes(1, kIntentVersion);
  AppendText(bytes, intent.query);
  AppendSignedVarint(bytes, intent.epoch.value);
  AppendLittle(bytes, intent.plan_hash);
  AppendLittle(bytes, intent.now.value);
  AppendLittle(bytes, intent.seed);
  AppendLittle(bytes, intent.watermark_us);
  AppendVarint(bytes, intent.ranges.size());
  for (const EpochIntent::Range& range : intent.ranges) {
    AppendPosition(bytes, range.start);
    AppendSignedVarint(bytes, range.end.value);
  }
  AppendVarint(bytes, intent.lookups.size());
  for (const EpochIntent::LookupVersion& lookup : intent.lookups) {
    AppendText(bytes, lookup.relation);
    AppendLittle(bytes, lookup.version);
  }
  return bytes;
}

Result<EpochIntent> DecodeIntent(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto version = reader.Little<uint8_t>();
  if (version != kIntentVersion)
    return Fail(ErrorCode::kDamaged, "epoch intent of unknown version {}", version);
  EpochIntent intent;
  intent.query = reader.Bytes(reader.Varint());
  intent.epoch = EpochId(reader.SignedVarint());
  intent.plan_hash = reader.Little<uint64_t>();
  intent.now = TimestampUs(reader.Little<int64_t>());
  intent.seed = reader.Little<uint64_t>();
  intent.watermark_us = reader.Little<int64_t>();
  const uint64_t count = reader.Varint();
  for (uint64_t i = 0; i < count && reader.ok(); ++i) {
    EpochIntent::Range range;
    range.start = ReadPosition(reader);
    range.end = Offset(reader.SignedVarint());
    intent.ranges.push_back(std::move(range));
  }
  const uint64_t lookups = reader.Varint();
  for (uint64_t i = 0; i < lookups && reader.ok(); ++i) {
    std::string relation(reader.Bytes(reader.Varint()));
    intent.lookups.push_back({std::move(relation), reader.Little<uint64_t>()});
  }
  if (!reader.ok() || reader.remaining() != 0)
    return Fail(ErrorCode::kDamaged, "epoch intent of {} bytes is cut or too long", bytes.size());
  return intent;
}

std::string EncodeProgress(const Progress& progress) {
  std::string bytes(1, kProgressVersion);
  AppendSignedVarint(bytes, progress.epoch.value);
  AppendLittle(bytes, progress.plan_hash);
  AppendLittle(bytes, progress.watermark_us);
  AppendVarint(bytes, progress.positions.size());
  for (const Position& position : progress.positions) AppendPosition(bytes, position);
  return bytes;
}

Result<Progress> DecodeProgress(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto version = reader.Little<uint8_t>();
  if (version != kProgressVersion)
    return Fail(ErrorCode::kDamaged, "query progress of unknown version {}", version);
  Progress progress;
  progress.epoch = EpochId(reader.SignedVarint());
  progress.plan_hash = reader.Little<uint64_t>();
  progress.watermark_us = reader.Little<int64_t>();
  const uint64_t count = reader.Varint();
  for (uint64_t i = 0; i < count && reader.ok(); ++i)
    progress.positions.push_back(ReadPosition(reader));
  if (!reader.ok() || reader.remaining() != 0)
    return Fail(ErrorCode::kDamaged, "query progress of {} bytes is cut or too long", bytes.size());
  return progress;
}

}  // namespace millrace::flow
