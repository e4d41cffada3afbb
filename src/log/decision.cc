#include "log/decision.h"

#include "base/bytes.h"

namespace millrace::log {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kCommit = 1;
constexpr uint8_t kHasTag = 2;

void AppendText(std::string& to, std::string_view text) {
  AppendVarint(to, text.size());
  to += text;
}

}  // namespace

std::string EncodeDecision(const Decision& decision) {
  std::string bytes(1, static_cast<char>(kVersion));
  bytes.push_back(
      static_cast<char>((decision.commit ? kCommit : 0) | (decision.tag ? kHasTag : 0)));
  AppendSignedVarint(bytes, decision.producer.id.value);
  AppendSignedVarint(bytes, decision.producer.epoch.value);
  if (decision.tag) {
    AppendSignedVarint(bytes, decision.tag->sequence);
    AppendText(bytes, decision.tag->detail);
  }
  AppendVarint(bytes, decision.parts.size());
  for (const Decision::Part& part : decision.parts) {
    AppendText(bytes, part.topic);
    bytes.append(reinterpret_cast<const char*>(part.topic_id.bytes.data()), 16);
    AppendSignedVarint(bytes, part.partition.value);
    AppendSignedVarint(bytes, part.first.value);
    AppendSignedVarint(bytes, part.last.value);
    AppendSignedVarint(bytes, part.batches);
  }
  return bytes;
}

Result<Decision> DecodeDecision(std::string_view owner, std::string_view bytes) {
  ByteReader reader(bytes);
  if (const auto version = reader.Little<uint8_t>(); version != kVersion)
    return Fail(ErrorCode::kDamaged, "transaction decision of unknown version {}", version);
  const auto flags = reader.Little<uint8_t>();
  Decision decision;
  decision.commit = (flags & kCommit) != 0;
  decision.producer.id = ProducerId(reader.SignedVarint());
  decision.producer.epoch = ProducerEpoch(static_cast<int16_t>(reader.SignedVarint()));
  if ((flags & kHasTag) != 0) {
    flow::CommitTag tag{std::string(owner), reader.SignedVarint(), {}};
    tag.detail = reader.Bytes(reader.Varint());
    decision.tag = std::move(tag);
  }
  for (uint64_t n = reader.Varint(); n > 0 && reader.ok(); --n) {
    Decision::Part part;
    part.topic = reader.Bytes(reader.Varint());
    const std::string_view id = reader.Bytes(16);
    std::memcpy(part.topic_id.bytes.data(), id.data(), id.size());
    part.partition = PartitionId(static_cast<int32_t>(reader.SignedVarint()));
    part.first = Offset(reader.SignedVarint());
    part.last = Offset(reader.SignedVarint());
    part.batches = reader.SignedVarint();
    decision.parts.push_back(std::move(part));
  }
  if (!reader.ok() || reader.remaining() != 0)
    return Fail(ErrorCode::kDamaged, "transaction decision of {} bytes is cut or too long",
                bytes.size());
  return decision;
}

}  // namespace millrace::log
