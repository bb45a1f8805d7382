// Python's deflated bytes, back as what they were.

export async function inflated(view) {
  const stream = new Blob([view]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export async function answer(view) {
  return JSON.parse(new TextDecoder().decode(await inflated(view)));
}
