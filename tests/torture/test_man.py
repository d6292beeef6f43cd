"""man: groff in a sandbox of system call filters."""

import torture

PAGE = r"""
.TH TORTURE 1 2020-01-01 dmalloc tests
.SH NAME
torture \- a page
.SH DESCRIPTION
""" + "\n".join(f".PP\nParagraph {i} of \\fBbold\\fR and \\fIitalic\\fR words, {'x' * (i % 40)}."
                for i in range(400)) + r"""
.TS
box;
l r.
one	1
two	2
.TE
"""


class Man(torture.Case):

    needs = ("man",)

    @torture.quick
    def test_a_page(self):
        ran = self.compare("cat > page.1; man -P cat -l page.1; man -Tutf8 -l page.1 | md5sum; "
                           "man -Tps -l page.1 | grep -c show; man -w -l page.1; "
                           "man nonexistent-page; gzip -n page.1; man -P cat -l page.1.gz | wc",
                           stdin=PAGE.encode(), env={"MANWIDTH": "80"})
        self.assertRegex(ran.stdout, rb"Paragraph +399")

    def test_installed_pages(self):
        self.compare("for page in ls bash gcc; do man -P cat $page | md5sum; done; "
                     "apropos zip | sort | head; whatis ls")
