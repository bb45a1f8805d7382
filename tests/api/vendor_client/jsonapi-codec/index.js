// What the vendor's client needs of its decoder: it reads the page meta in snake case, and nothing else.
export const decodeOne = ({ data }, mapper) => mapper.map(data);

export const decodeMany = ({ data }, mapper) => data.map((resource) => mapper.map(resource));

export const decodePageResult = (answer, mapper) => ({
  data: decodeMany(answer, mapper),
  meta: {
    currentPage: answer.meta.current_page,
    perPage: answer.meta.per_page,
    totalPages: answer.meta.total_pages,
    totalCount: answer.meta.total_count,
  },
});
