#!/usr/bin/perl
# records.pl -- strings, hashes of arrays and sorting in Perl.
#
# usage: perl records.pl [ROUNDS]
#
# Prints a checksum, so that a run can be seen to have done the same as another.

use strict;
use warnings;

my $rounds = shift // 40;
my ($seed, $sum) = (42, 0);

sub rand_below {
    my ($below) = @_;
    $seed = ($seed * 1103515245 + 12345) % 2147483648;
    return $seed % $below;
}

sub parse_line {
    my ($line) = @_;
    my %record = map { split /=/, $_, 2 } split /;/, $line;
    return \%record;
}

for my $round (1 .. $rounds) {
    my (@lines, %by_name);
    for my $i (1 .. 4000) {
        push @lines, sprintf("id=%d;name=n%d;text=%s", $i, rand_below(300),
                             "x" x rand_below(80));
    }
    for my $line (@lines) {
        my $record = parse_line($line);
        push @{ $by_name{ $record->{name} } }, $record;
    }
    for my $name (sort keys %by_name) {
        my @records = sort { length $a->{text} <=> length $b->{text} }
                      @{ $by_name{$name} };
        my $joined = join ",", map { $_->{text} . $_->{id} } @records;
        $joined =~ s/(x+)(\d)/$2$1/g;
        $sum += length $joined;
    }
}
print "$sum\n";
