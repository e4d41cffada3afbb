#include "data/json_reader_node.h"

#include <algorithm>

namespace millrace::data {
namespace {

bool HasOffsets(const DataType& type) {
  return type.kind() == TypeKind::kArray || type.kind() == TypeKind::kMap;
}

bool IsReadable(const DataType& type) {
  if (type.is_interval()) return false;
  return type.kind() != TypeKind::kMap || type.key().kind() == TypeKind::kString;
}

std::string ChildPath(const DataType& type, const std::string& path, const Field& field) {
  if (type.kind() == TypeKind::kStruct) return path.empty() ? field.name : path + '.' + field.name;
  return path + (field.name == "key" ? "{key}" : "[]");
}

size_t BufferBytes(const DataType& type, size_t rows) {
  return HasOffsets(type) ? (rows + 1) * sizeof(int32_t) : rows * ValueWidth(type.kind());
}

// Clears the bits [from, to).
void ClearBits(std::vector<uint64_t>& bits, size_t from, size_t to) {
  for (size_t i = from; i < to; ++i) ClearBit(bits.data(), i);
}

// No bitmap at all when every row is there.
std::vector<uint64_t> ValidityOf(const std::vector<uint64_t>& valid, size_t rows) {
  std::vector<uint64_t> bits(valid.begin(),
                             valid.begin() + static_cast<ptrdiff_t>((rows + 63) / 64));
  const auto full = std::ranges::find_if(bits, [](uint64_t word) { return word != ~uint64_t{0}; });
  if (full == bits.end()) return {};
  const size_t tail = rows % 64;
  const bool only_tail =
      full == bits.end() - 1 && tail != 0 && bits.back() == (uint64_t{1} << tail) - 1;
  if (only_tail) return {};
  return bits;
}

}  // namespace

JsonKey::JsonKey(std::string_view raw, JsonNode* node) : child(node), text(std::string(raw) + '"') {
  const size_t quick = std::min(text.size(), kQuickBytes);
  std::memcpy(bytes.data(), text.data(), quick);
  std::array<char, kQuickBytes> ones{};
  std::ranges::fill_n(ones.begin(), static_cast<ptrdiff_t>(quick), '\xff');
  std::memcpy(mask.data(), ones.data(), kQuickBytes);
}

Result<std::unique_ptr<JsonNode>> JsonNode::Make(const DataType& node_type, std::string node_path) {
  if (!IsReadable(node_type)) {
    return Fail(ErrorCode::kUnsupported, "column {}: JSON cannot give a {}", node_path,
                node_type.ToDdl());
  }
  auto node = std::make_unique<JsonNode>();
  node->type = node_type;
  node->path = std::move(node_path);
  for (const Field& field : node_type.fields()) {
    MR_ASSIGN(auto child, Make(*field.type, ChildPath(node_type, node->path, field)));
    node->fields.emplace(field.name, static_cast<int>(node->children.size()));
    node->children.push_back(std::move(child));
  }
  return node;
}

void JsonNode::Begin(size_t rows) {
  builder.emplace(type, rows, ColumnBuilder::Fill::kNone);
  values = builder->Values<char>();
  valid.assign((rows + 63) / 64, 0);
  capacity = rows;
  filled = 0;
  elements = 0;
  // Element rows are counted anew; their room grows with need.
  for (const auto& child : children) child->Begin(HasOffsets(type) ? 0 : rows);
}

void JsonNode::Grow(size_t rows) {
  const size_t room = std::max(rows, std::max<size_t>(capacity * 2, 64));
  ColumnBuilder larger(type, room, ColumnBuilder::Fill::kNone);
  const size_t bytes = BufferBytes(type, capacity);
  if (bytes > 0) std::memcpy(larger.Values<char>(), values, bytes);
  builder.emplace(std::move(larger));
  values = builder->Values<char>();
  valid.resize((room + 63) / 64, 0);
  capacity = room;
  if (HasOffsets(type)) return;
  for (const auto& child : children) child->Grow(room);
}

void JsonNode::Truncate(size_t row, size_t end) {
  ClearBits(valid, row, std::min(end, capacity));
  if (!HasOffsets(type)) {
    for (const auto& child : children) child->Truncate(row, end);
    return;
  }
  filled = std::min(filled, row);
  const auto kept = static_cast<size_t>(reinterpret_cast<const int32_t*>(values)[filled]);
  for (const auto& child : children) child->Truncate(kept, elements + 1);
  elements = kept;
}

void JsonNode::EndRows(size_t row) {
  auto* offsets = reinterpret_cast<int32_t*>(values);
  for (; filled < row; ++filled) offsets[filled + 1] = static_cast<int32_t>(elements);
}

ColumnPtr JsonNode::Finish(size_t rows, std::span<const Owner> owners) {
  if (HasOffsets(type)) EndRows(rows);
  builder->Shorten(rows);
  std::vector<ColumnPtr> columns;
  for (const auto& child : children)
    columns.push_back(child->Finish(HasOffsets(type) ? elements : rows, owners));
  builder->SetChildren(std::move(columns));
  builder->SetValidity(ValidityOf(valid, rows));
  if (type.is_string_like()) {
    for (const Owner& owner : owners) builder->AddOwner(owner);
    builder->SetPaddedStrings(true);
  }
  ColumnPtr column = std::move(*builder).Finish();
  builder.reset();
  return column;
}

}  // namespace millrace::data
