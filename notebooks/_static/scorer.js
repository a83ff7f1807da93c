// Pages that answer a question stand before those that mention its words.
var Scorer = {
  score: ([docname, title, anchor, descr, score]) => {
    for (const [begin, more] of [["how-to/", 8], ["faq", 8], ["start", 6], ["coming-from/", 6], ["which-model", 6],
                                 ["exercises/", -6], ["reference/", -3], ["documents/", -6], ["gallery/", -3]])
      if (docname.startsWith(begin)) return score + more;
    return score;
  },
  objNameMatch: 11, objPartialMatch: 6, objPrio: { 0: 15, 1: 5, 2: -5 }, objPrioDefault: 0,
  title: 15, partialTitle: 7, term: 5, partialTerm: 1,
};
