#include "cql/wire/frame_stream.h"

namespace millrace::cql::wire {
namespace {

constexpr size_t kKeptBytesMax = size_t{256} << 10;
constexpr size_t kFlagsAt = 1;

// Drops what has been read once it is all, or worth the move.
void DropRead(std::string& from, size_t& at) {
  if (at == from.size()) {
    from.clear();
    if (from.capacity() > 4 * kKeptBytesMax) from.shrink_to_fit();
  } else if (at >= kKeptBytesMax) {
    from.erase(0, at);
  } else {
    return;
  }
  at = 0;
}

size_t FrameBytes(std::string_view frames) {
  return kFrameHeaderBytes + LoadBig<uint32_t>(frames.data() + kFrameHeaderBytes - 4);
}

}  // namespace

void FrameDecoder::SwitchToSegments(Compression compression) { segments_ = compression; }

Result<std::optional<Frame>> FrameDecoder::Next() {
  if (!segments_) {
    DropRead(input_, input_at_);
    return TakeFrame(input_, input_at_);
  }
  while (true) {
    DropRead(payload_, payload_at_);
    MR_ASSIGN(auto frame, TakeFrame(payload_, payload_at_));
    if (frame) return frame;
    DropRead(input_, input_at_);
    MR_ASSIGN(const bool taken, TakeSegment());
    if (!taken) return std::optional<Frame>{};
  }
}

Result<std::optional<Frame>> FrameDecoder::TakeFrame(std::string& from, size_t& at) {
  const std::string_view rest = std::string_view(from).substr(at);
  if (rest.size() < kFrameHeaderBytes) return std::optional<Frame>{};
  MR_ASSIGN(const FrameHeader header,
            DecodeFrameHeader(rest.substr(0, kFrameHeaderBytes), limits_.body_bytes_max));
  if (rest.size() - kFrameHeaderBytes < header.body_bytes) return std::optional<Frame>{};
  at += kFrameHeaderBytes + header.body_bytes;
  Frame frame{header, rest.substr(kFrameHeaderBytes, header.body_bytes)};
  if ((header.flags & kCompressedFlag) == 0 || segments_ || frame.body.empty())
    return std::optional(frame);
  if (!compressed_frames_)
    return Fail(ErrorCode::kDamaged, "a compressed frame, but no compression was agreed on");
  unpacked_.clear();
  MR_TRY(DecodeLz4Body(frame.body, limits_.body_bytes_max, unpacked_));
  frame.body = unpacked_;
  return std::optional(frame);
}

Result<bool> FrameDecoder::TakeSegment() {
  const std::string_view rest = std::string_view(input_).substr(input_at_);
  const size_t header_bytes = SegmentHeaderBytes(*segments_);
  if (rest.size() < header_bytes) return false;
  MR_ASSIGN(const SegmentHeader header,
            DecodeSegmentHeader(rest.substr(0, header_bytes), *segments_));
  const size_t stored = header.stored_bytes + 4;
  if (rest.size() - header_bytes < stored) return false;
  const bool within_frame = payload_.size() > payload_at_;
  MR_TRY(DecodeSegmentPayload(header, rest.substr(header_bytes, stored), payload_));
  if (within_frame && header.self_contained)
    return Fail(ErrorCode::kDamaged, "a frame ends early: the next segment is not of it");
  input_at_ += header_bytes + stored;
  return true;
}

void FrameEncoder::Append(std::string_view frames, std::string& out) const {
  if (segments_) {
    AppendSegments(frames, out);
  } else if (compressed_frames_) {
    AppendCompressed(frames, out);
  } else {
    out.append(frames);
  }
}

void FrameEncoder::AppendCompressed(std::string_view frames, std::string& out) const {
  while (!frames.empty()) {
    const size_t size = FrameBytes(frames);
    const size_t begin = out.size();
    out.append(frames.substr(0, kFrameHeaderBytes));
    if (size > kFrameHeaderBytes) {
      out[begin + kFlagsAt] = static_cast<char>(out[begin + kFlagsAt] | kCompressedFlag);
      AppendLz4Body(frames.substr(kFrameHeaderBytes, size - kFrameHeaderBytes), out);
    }
    EndFrame(begin, out);
    frames.remove_prefix(size);
  }
}

void FrameEncoder::AppendSegments(std::string_view frames, std::string& out) const {
  while (!frames.empty()) {
    size_t whole = FrameBytes(frames);
    if (whole > kSegmentPayloadMax) {
      for (size_t at = 0; at < whole; at += kSegmentPayloadMax) {
        AppendSegment(frames.substr(at, std::min(kSegmentPayloadMax, whole - at)), false,
                      *segments_, out);
      }
    } else {
      while (whole < frames.size()) {
        const size_t more = FrameBytes(frames.substr(whole));
        if (whole + more > kSegmentPayloadMax) break;
        whole += more;
      }
      AppendSegment(frames.substr(0, whole), true, *segments_, out);
    }
    frames.remove_prefix(whole);
  }
}

}  // namespace millrace::cql::wire
