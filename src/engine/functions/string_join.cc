// Strings joined: concat, concat_ws.
#include <span>
#include <utility>
#include <vector>

#include "engine/functions/collections.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"
#include "engine/functions/short_copy.h"

namespace millrace::engine {
namespace {

using data::Arena;
using data::ColumnBuilder;
using data::ColumnPtr;
using data::Reader;
using Text = std::string_view;

// concat of strings or binaries.
ColumnPtr Concat(KernelCall& call) {
  ColumnBuilder out(call.type, call.length);
  Text* values = out.Values<Text>();
  if (call.args.empty()) return std::move(out).Finish();
  Arena& arena = out.arena();
  std::vector<Reader<Text>> parts;
  for (const ColumnPtr& arg : call.args) parts.emplace_back(*arg);
  call.rows.ForEach([&](size_t row) {
    size_t size = 0;
    for (const auto& part : parts) size += part[row].size();
    char* to = arena.Allocate(size);
    values[row] = {to, size};
    for (const auto& part : parts) to = Put(part[row], to);
  });
  return std::move(out).Finish();
}

// concat_ws: calls f(text) for each string of the row that is not NULL, arrays element by element.
template <typename F>
void ForEachPart(const KernelCall& call, size_t row, F&& f) {
  for (size_t i = 1; i < call.args.size(); ++i) {
    const data::Column& arg = *call.args[i];
    if (arg.IsNull(row)) continue;
    const size_t at = row * arg.Stride();
    if (arg.type().is_string_like()) {
      f(arg.Values<Text>()[at]);
      continue;
    }
    const data::Column& elements = *arg.children()[0];
    for (auto e = static_cast<size_t>(arg.Offsets()[at]);
         e < static_cast<size_t>(arg.Offsets()[at + 1]); ++e) {
      if (!elements.IsNull(e)) f(elements.Values<Text>()[e * elements.Stride()]);
    }
  }
}

// A string argument of concat_ws.
struct TextPart {
  Reader<Text> texts;
  const uint64_t* valid;  // nullptr: no NULLs
  size_t stride;

  explicit TextPart(const data::Column& column)
      : texts(column),
        valid(column.has_nulls() ? column.validity().data() : nullptr),
        stride(column.Stride()) {}
  bool IsNull(size_t row) const { return valid != nullptr && !data::TestBit(valid, row * stride); }
};

// concat_ws of strings, with a separator that is never NULL: what most calls are. kPut copies one.
template <char* (*kPut)(Text, char*)>
ColumnPtr ConcatTexts(KernelCall& call) {
  const Reader<Text> separators(*call.args[0]);
  std::vector<TextPart> parts;
  for (size_t i = 1; i < call.args.size(); ++i) parts.emplace_back(*call.args[i]);
  ColumnBuilder out(call.type, call.length);
  out.SetPaddedStrings(true);
  Text* const values = out.Values<Text>();
  Arena& arena = out.arena();
  call.rows.ForEach([&](size_t row) {
    const Text separator = separators[row];
    size_t size_max = separator.size() * parts.size() + data::kStringPadding;
    for (const TextPart& part : parts) size_max += part.texts[row].size();
    char* const start = arena.Allocate(size_max);
    char* to = start;
    bool is_first = true;
    for (const TextPart& part : parts) {
      if (part.IsNull(row)) continue;
      if (!std::exchange(is_first, false)) to = kPut(separator, to);
      to = kPut(part.texts[row], to);
    }
    arena.ReturnTail(to);
    values[row] = {start, static_cast<size_t>(to - start)};
  });
  return std::move(out).Finish();
}

ColumnPtr ConcatWs(KernelCall& call) {
  bool texts = !call.args[0]->has_nulls();
  bool padded = true;
  for (const ColumnPtr& arg : call.args) {
    texts = texts && arg->type().is_string_like();
    padded = padded && arg->has_padded_strings();
  }
  if (texts) return padded ? ConcatTexts<PutBlocks>(call) : ConcatTexts<Put>(call);
  const Reader<Text> separators(*call.args[0]);
  return Map<Text>(call, [&](Cell& cell) -> Text {
    if (cell.IsNull(0)) {
      cell.SetNull();
      return {};
    }
    const Text separator = separators[cell.row()];
    size_t size = 0;
    size_t count = 0;
    ForEachPart(call, cell.row(), [&](Text text) {
      size += text.size();
      ++count;
    });
    if (count > 1) size += separator.size() * (count - 1);
    char* const start = cell.arena().Allocate(size);
    char* to = start;
    bool first = true;
    ForEachPart(call, cell.row(), [&](Text text) {
      if (!std::exchange(first, false)) to = Put(separator, to);
      to = Put(text, to);
    });
    return {start, size};
  });
}

Result<Kernel> MakeConcat(const sql::Expr& call) {
  return call.type.kind() == data::TypeKind::kArray ? Kernel(ConcatArrays) : Kernel(Concat);
}

const KernelRegistration kKernels[] = {
    {"concat", MakeConcat},
    {"concat_ws", Always(ConcatWs)},
};

}  // namespace

std::span<const KernelRegistration> StringJoinKernels() { return kKernels; }

}  // namespace millrace::engine
