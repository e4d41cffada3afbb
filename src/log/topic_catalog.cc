#include "log/topic_catalog.h"

#include <algorithm>

#include "base/bytes.h"
#include "log/framed_file.h"

namespace millrace::log {
namespace {

constexpr std::string_view kName = "MRTC";
constexpr uint32_t kVersion = 1;
constexpr int32_t kPartitionsMax = 10'000;
constexpr size_t kNameBytesMax = 249;
constexpr uint64_t kSegmentBytesMin = 1 << 10;
constexpr uint64_t kSegmentBytesMax = 2'000'000'000;

void AppendText(std::string& to, std::string_view text) {
  AppendVarint(to, text.size());
  to += text;
}

void AppendUuid(std::string& to, const Uuid& id) {
  to.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
}

Uuid ReadUuid(ByteReader& reader) {
  Uuid id;
  const std::string_view raw = reader.Bytes(id.bytes.size());
  std::memcpy(id.bytes.data(), raw.data(), raw.size());
  return id;
}

void AppendSpec(std::string& to, const TopicSpec& spec) {
  AppendText(to, spec.name);
  AppendSignedVarint(to, spec.partitions);
  to.push_back(static_cast<char>(spec.cleanup));
  AppendSignedVarint(to, spec.retention_ms);
  AppendSignedVarint(to, spec.retention_bytes);
  AppendVarint(to, spec.segment_bytes);
  AppendSignedVarint(to, spec.segment_ms);
  AppendSignedVarint(to, spec.delete_retention_ms);
  to.push_back(spec.force_retention ? 1 : 0);
  to.push_back(static_cast<char>(spec.codec));
  to.push_back(spec.internal ? 1 : 0);
}

TopicSpec ReadSpec(ByteReader& reader) {
  TopicSpec spec;
  spec.name = reader.Bytes(reader.Varint());
  spec.partitions = static_cast<int32_t>(reader.SignedVarint());
  spec.cleanup = static_cast<Cleanup>(reader.Little<uint8_t>());
  spec.retention_ms = reader.SignedVarint();
  spec.retention_bytes = reader.SignedVarint();
  spec.segment_bytes = reader.Varint();
  spec.segment_ms = reader.SignedVarint();
  spec.delete_retention_ms = reader.SignedVarint();
  spec.force_retention = reader.Little<uint8_t>() != 0;
  spec.codec = static_cast<Codec>(reader.Little<uint8_t>());
  spec.internal = reader.Little<uint8_t>() != 0;
  return spec;
}

}  // namespace

std::string TopicCatalog::Encode() const {
  std::string body;
  AppendSignedVarint(body, next_producer_id);
  AppendVarint(body, topics.size());
  for (const auto& [name, info] : topics) {
    AppendUuid(body, info.id);
    AppendSpec(body, info.spec);
  }
  AppendVarint(body, deleting.size());
  for (const auto& [name, id] : deleting) {
    AppendText(body, name);
    AppendUuid(body, id);
  }
  return FrameBody(kName, kVersion, body);
}

Result<TopicCatalog> TopicCatalog::Decode(std::string_view bytes) {
  MR_ASSIGN(const std::string_view body, UnframeBody(kName, kVersion, bytes));
  ByteReader reader(body);
  TopicCatalog catalog;
  catalog.next_producer_id = reader.SignedVarint();
  for (uint64_t n = reader.Varint(); n > 0 && reader.ok(); --n) {
    TopicInfo info;
    info.id = ReadUuid(reader);
    info.spec = ReadSpec(reader);
    MR_TRY(CheckTopicSpec(info.spec));
    catalog.topics[info.spec.name] = info;
  }
  for (uint64_t n = reader.Varint(); n > 0 && reader.ok(); --n) {
    std::string name(reader.Bytes(reader.Varint()));
    catalog.deleting[std::move(name)] = ReadUuid(reader);
  }
  if (!reader.ok() || reader.remaining() != 0)
    return Fail(ErrorCode::kDamaged, "topic catalog is cut or too long");
  return catalog;
}

Status CheckTopicSpec(const TopicSpec& spec) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (spec.name.empty() || spec.name.size() > kNameBytesMax || spec.name == "." ||
      spec.name == ".." || !std::ranges::all_of(spec.name, allowed)) {
    return Fail(ErrorCode::kInvalidArgument,
                "'{}' is no topic name: 1 to {} of letters, digits, '.', '_' and '-'", spec.name,
                kNameBytesMax);
  }
  if (spec.partitions < 1 || spec.partitions > kPartitionsMax) {
    return Fail(ErrorCode::kInvalidArgument, "topic {}: {} partitions, allowed are 1 to {}",
                spec.name, spec.partitions, kPartitionsMax);
  }
  if (spec.segment_bytes < kSegmentBytesMin || spec.segment_bytes > kSegmentBytesMax) {
    return Fail(ErrorCode::kInvalidArgument, "topic {}: segments of {} bytes, allowed are {} to {}",
                spec.name, spec.segment_bytes, kSegmentBytesMin, kSegmentBytesMax);
  }
  if (spec.cleanup > Cleanup::kCompact || spec.codec > Codec::kZstd)
    return Fail(ErrorCode::kInvalidArgument, "topic {}: unknown cleanup or codec", spec.name);
  return {};
}

}  // namespace millrace::log
