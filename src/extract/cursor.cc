#include "extract/cursor.h"

#include <charconv>
#include <utility>

#include "base/bytes.h"

namespace millrace::extract {
namespace {

constexpr char kVersion = 1;
constexpr size_t kReadBytes = 1 << 20;

void AppendSized(std::string& to, std::string_view bytes) {
  AppendVarint(to, bytes.size());
  to += bytes;
}

std::string_view ReadSized(ByteReader& reader) { return reader.Bytes(reader.Varint()); }

}  // namespace

std::string CursorKey(std::string_view dag, std::string_view task) {
  return fmt::format("{}/{}", dag, task);
}

flow::OutRecord EncodeCursor(std::string_view key, const Cursor& cursor) {
  std::string value(1, kVersion);
  std::string_view kind = "";
  if (cursor.value) kind = cursor.value->kind == data::JsonScalar::Kind::kNumber ? "n" : "s";
  AppendSized(value, kind);
  AppendSized(value, cursor.value ? cursor.value->text : std::string());
  AppendSized(value, cursor.etag);
  AppendSized(value, cursor.last_modified);
  AppendSized(value, cursor.run_id);
  AppendLittle(value, cursor.url_hash);
  return {.key = std::string(key), .value = std::move(value), .headers = {}};
}

Result<Cursor> DecodeCursor(std::string_view bytes) {
  ByteReader reader(bytes);
  if (reader.Little<char>() != kVersion)
    return Fail(ErrorCode::kDamaged, "cursor record: unknown version");
  Cursor cursor;
  const std::string_view kind = ReadSized(reader);
  std::string text(ReadSized(reader));
  cursor.etag = ReadSized(reader);
  cursor.last_modified = ReadSized(reader);
  cursor.run_id = ReadSized(reader);
  cursor.url_hash = reader.Little<uint64_t>();
  if (!reader.ok() || (kind != "" && kind != "n" && kind != "s"))
    return Fail(ErrorCode::kDamaged, "cursor record: {} bytes that end early", bytes.size());
  if (!kind.empty())
    cursor.value = data::JsonScalar{
        kind == "n" ? data::JsonScalar::Kind::kNumber : data::JsonScalar::Kind::kString,
        std::move(text)};
  return cursor;
}

Result<bool> IsAfter(const data::JsonScalar& b, const data::JsonScalar& a) {
  using Kind = data::JsonScalar::Kind;
  if (a.kind != b.kind || a.kind == Kind::kBoolean)
    return Fail(ErrorCode::kInvalidArgument,
                "cursor values '{}' and '{}' are not both numbers or both strings", a.text, b.text);
  if (a.kind == Kind::kString) return b.text > a.text;
  int64_t whole_a = 0, whole_b = 0;
  const auto whole = [](const std::string& text, int64_t& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
  };
  if (whole(a.text, whole_a) && whole(b.text, whole_b)) return whole_b > whole_a;
  return std::strtod(b.text.c_str(), nullptr) > std::strtod(a.text.c_str(), nullptr);
}

Status CursorStore::CatchUp() {
  for (int32_t number = 0; number < topic_.partition_count(); ++number) {
    const PartitionId partition(number);
    MR_ASSIGN(const flow::OffsetRange range, topic_.Readable(partition));
    Offset& at = next_.try_emplace(partition, range.begin).first->second;
    at = std::max(at, range.begin);
    while (at < range.end) {
      MR_ASSIGN(const flow::RecordBlock block, topic_.Read(partition, at, range.end, kReadBytes));
      for (const flow::RecordView& record : block.records) {
        if (record.key == nullptr) continue;
        if (record.value == nullptr) {
          values_.erase(std::string(record.key_view()));
        } else {
          values_[std::string(record.key_view())] = record.value_view();
        }
      }
      if (block.next <= at)
        return Fail(ErrorCode::kInternal, "reading {} stands still at {}", kCursorTopic, at);
      at = block.next;
    }
  }
  return {};
}

Result<std::optional<Cursor>> CursorStore::Get(const std::string& key) {
  std::lock_guard lock(mutex_);
  MR_TRY(CatchUp());
  const auto found = values_.find(key);
  if (found == values_.end()) return std::nullopt;
  MR_ASSIGN(Cursor cursor, DecodeCursor(found->second));
  return cursor;
}

Result<CursorStore::Lease> CursorStore::Acquire(const std::string& key) {
  std::lock_guard lock(mutex_);
  if (!leased_.insert(key).second)
    return Fail(ErrorCode::kUnavailable, "cursor of {}: another run of the task is using it", key);
  return Lease(this, key);
}

CursorStore::Lease::Lease(Lease&& other) noexcept
    : store_(std::exchange(other.store_, nullptr)), key_(std::move(other.key_)) {}

CursorStore::Lease::~Lease() {
  if (store_ == nullptr) return;
  std::lock_guard lock(store_->mutex_);
  store_->leased_.erase(key_);
}

}  // namespace millrace::extract
