#include "base/bytes.h"
#include "engine/stream/intent_log.h"

namespace millrace::engine {
namespace {

constexpr uint8_t kVersion = 1;

void AppendText(std::string& to, std::string_view text) {
  AppendVarint(to, text.size());
  to += text;
}

}  // namespace

std::string EncodeIntentRecord(const IntentRecord& record) {
  std::string bytes;
  bytes.push_back(static_cast<char>(kVersion));
  bytes.push_back(static_cast<char>(record.kind));
  switch (record.kind) {
    case IntentRecord::Kind::kIntent:
      bytes += flow::EncodeIntent(record.intent);
      break;
    case IntentRecord::Kind::kDefinition:
      AppendText(bytes, record.definition.query);
      AppendLittle(bytes, record.definition.plan_hash);
      AppendText(bytes, record.definition.text);
      break;
    case IntentRecord::Kind::kDrop:
      AppendText(bytes, record.query);
      break;
  }
  return bytes;
}

Result<IntentRecord> DecodeIntentRecord(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto version = reader.Little<uint8_t>();
  const auto kind = reader.Little<uint8_t>();
  if (!reader.ok() || version != kVersion)
    return Fail(ErrorCode::kDamaged, "intent record of unknown version {}", version);
  IntentRecord record;
  record.kind = static_cast<IntentRecord::Kind>(kind);
  switch (record.kind) {
    case IntentRecord::Kind::kIntent: {
      MR_ASSIGN(record.intent, flow::DecodeIntent(reader.Rest()));
      break;
    }
    case IntentRecord::Kind::kDefinition:
      record.definition.query = reader.Bytes(reader.Varint());
      record.definition.plan_hash = reader.Little<uint64_t>();
      record.definition.text = reader.Bytes(reader.Varint());
      break;
    case IntentRecord::Kind::kDrop:
      record.query = reader.Bytes(reader.Varint());
      break;
    default:
      return Fail(ErrorCode::kDamaged, "intent record of unknown kind {}", kind);
  }
  if (!reader.ok() || reader.remaining() != 0) {
    return Fail(ErrorCode::kDamaged, "intent record of {} bytes is cut or too long", bytes.size());
  }
  return record;
}

}  // namespace millrace::engine
