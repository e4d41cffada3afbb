#include "log/partition_checkpoint.h"

#include "base/bytes.h"
#include "log/framed_file.h"

namespace millrace::log {
namespace {

constexpr std::string_view kName = "MRCP";
constexpr uint32_t kVersion = 1;

void AppendText(std::string& to, std::string_view text) {
  AppendVarint(to, text.size());
  to += text;
}

void AppendClosed(std::string& to, const PartitionCheckpoint::Closed& closed) {
  AppendSignedVarint(to, closed.extent.base.value);
  AppendSignedVarint(to, closed.extent.end.value);
  AppendVarint(to, closed.extent.bytes);
  AppendSignedVarint(to, closed.extent.first_timestamp.value);
  AppendSignedVarint(to, closed.extent.max_timestamp.value);
  AppendVarint(to, closed.bytes_next);
}

PartitionCheckpoint::Closed ReadClosed(ByteReader& reader) {
  PartitionCheckpoint::Closed closed;
  closed.extent.base = Offset(reader.SignedVarint());
  closed.extent.end = Offset(reader.SignedVarint());
  closed.extent.bytes = reader.Varint();
  closed.extent.first_timestamp = TimestampMs(reader.SignedVarint());
  closed.extent.max_timestamp = TimestampMs(reader.SignedVarint());
  closed.bytes_next = reader.Varint();
  return closed;
}

LostRange ReadLost(ByteReader& reader) {
  LostRange lost;
  lost.at.topic = reader.Bytes(reader.Varint());
  lost.at.partition = PartitionId(static_cast<int32_t>(reader.SignedVarint()));
  lost.begin = Offset(reader.SignedVarint());
  lost.end = Offset(reader.SignedVarint());
  lost.reason = reader.Bytes(reader.Varint());
  return lost;
}

}  // namespace

bool operator==(const PartitionCheckpoint& a, const PartitionCheckpoint& b) {
  return a.Encode() == b.Encode();
}

std::string PartitionCheckpoint::Encode() const {
  std::string body;
  AppendSignedVarint(body, start.value);
  AppendSignedVarint(body, recovery.value);
  AppendSignedVarint(body, active.value);
  AppendVarint(body, recovery_position);
  AppendSignedVarint(body, last_timestamp.value);
  AppendSignedVarint(body, active_first_timestamp.value);
  AppendSignedVarint(body, cleaned.value);
  AppendText(body, producers.Encode());
  AppendVarint(body, closed.size());
  for (const Closed& segment : closed) AppendClosed(body, segment);
  AppendVarint(body, lost.size());
  for (const LostRange& range : lost) {
    AppendText(body, range.at.topic);
    AppendSignedVarint(body, range.at.partition.value);
    AppendSignedVarint(body, range.begin.value);
    AppendSignedVarint(body, range.end.value);
    AppendText(body, range.reason);
  }
  return FrameBody(kName, kVersion, body);
}

Result<PartitionCheckpoint> PartitionCheckpoint::Decode(std::string_view bytes) {
  MR_ASSIGN(const std::string_view body, UnframeBody(kName, kVersion, bytes));
  ByteReader reader(body);
  PartitionCheckpoint checkpoint;
  checkpoint.start = Offset(reader.SignedVarint());
  checkpoint.recovery = Offset(reader.SignedVarint());
  checkpoint.active = Offset(reader.SignedVarint());
  checkpoint.recovery_position = reader.Varint();
  checkpoint.last_timestamp = TimestampMs(reader.SignedVarint());
  checkpoint.active_first_timestamp = TimestampMs(reader.SignedVarint());
  checkpoint.cleaned = Offset(reader.SignedVarint());
  MR_ASSIGN(checkpoint.producers, ProducerTable::Decode(reader.Bytes(reader.Varint())));
  for (uint64_t n = reader.Varint(); n > 0 && reader.ok(); --n)
    checkpoint.closed.push_back(ReadClosed(reader));
  for (uint64_t n = reader.Varint(); n > 0 && reader.ok(); --n)
    checkpoint.lost.push_back(ReadLost(reader));
  if (!reader.ok() || reader.remaining() != 0)
    return Fail(ErrorCode::kDamaged, "partition checkpoint is cut or too long");
  return checkpoint;
}

}  // namespace millrace::log
