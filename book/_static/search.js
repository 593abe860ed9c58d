// The index keeps a word as it is where its stem is a word too common to be kept ("its", "it"), and drops the s of a
// genitive; Sphinx looks for "it" and "s", and finds no page that has all the words of such a sentence.
document.addEventListener("DOMContentLoaded", () => { // before the search begins, whose listener comes later
  if (typeof Stemmer === "undefined" || typeof stopwords === "undefined") return; // not the page of the search
  const common = [...stopwords];
  const Plain = Stemmer;
  window.Stemmer = function () {
    const plain = new Plain();
    this.stemWord = (word) => {
      const stem = plain.stemWord(word);
      return common.includes(stem) ? word : stem;
    };
  };
  stopwords.push("s");
});
